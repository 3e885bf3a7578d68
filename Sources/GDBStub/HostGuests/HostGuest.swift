/// A guest of this host: a process of QEMU's system emulator, as /proc shows it. To look at it stops
/// nobody.
public struct HostGuest: Sendable, Equatable {
  /// The process of its QEMU.
  public var pid: Int32
  /// What QEMU's `-name` calls it, as libvirt and virtme-ng do; nil where nothing does.
  public var name: String?
  /// QEMU's program: `qemu-system-x86_64`.
  public var program: String
  /// The file that `-kernel` names.
  public var kernel: String?
  /// Where its gdbservers listen; nearly always one or none.
  public var gdbservers: [StubTarget]
  /// How a gdbserver is opened while it runs.
  public var control: Control
  /// It has network interfaces of its own, as in a container: its TCP ports are not this host's.
  public var hasOwnNetwork: Bool

  /// What can be said to its QEMU.
  public enum Control: Sendable, Equatable {
    /// The monitor, through libvirt, by the guest's name there.
    case libvirt(String)
    /// The monitor, through a QMP socket with this path.
    case qmp(String)
    /// The monitor, by hand.
    case monitor
    case none
  }

  /// The guests of this host, by process number.
  ///
  /// - Parameter proc: where procfs is mounted.
  public static func all(proc: String = "/proc") -> [HostGuest] {
    ProcFiles.names(in: proc).compactMap { Int32($0) }.sorted().compactMap { pid in
      HostGuest(pid: pid, proc: proc)
    }
  }
}

extension HostGuest {
  private init?(pid: Int32, proc: String) {
    let folder = "\(proc)/\(pid)"
    guard let bytes = ProcFiles.bytes(of: folder + "/cmdline"), !bytes.isEmpty else { return nil }
    let arguments = bytes.split(separator: 0, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    guard let program = Self.emulator(ProcFiles.target(of: folder + "/exe"), arguments) else {
      return nil
    }
    let line = QEMUCommandLine(arguments: arguments)
    self.pid = pid
    self.program = program
    (name, kernel) = (line.name, line.kernel)
    gdbservers = Self.gdbservers(line, ListeningSockets(of: folder))
    control =
      if line.isOfLibvirt, let name = line.name {
        .libvirt(name)
      } else if let path = line.qmpSockets.first {
        .qmp(path)
      } else {
        line.hasMonitor ? .monitor : .none
      }
    let (own, ours) = ("\(folder)/ns/net", "\(proc)/self/ns/net")
    hasOwnNetwork = ProcFiles.target(of: own).isAnother(than: ProcFiles.target(of: ours))
  }

  /// The name of the emulator that a process runs; nil for other programs.
  ///
  /// - Parameter executable: its path, empty for a process of another user.
  private static func emulator(_ executable: String, _ arguments: [String]) -> String? {
    func isEmulator(_ name: String) -> Bool {
      name.hasPrefix("qemu-system-") || ["qemu-kvm", "kvm"].contains(name)
    }
    let own = ProcFiles.executableName(executable.isEmpty ? arguments.first ?? "" : executable)
    if isEmulator(own) { return own }
    // Started through a dynamic loader, whose own options come first.
    guard own.hasPrefix("ld-"), own.contains(".so") else { return nil }
    return arguments.dropFirst().map(ProcFiles.executableName).first(where: isEmulator)
  }

  /// What a command line opens, as far as it is open, and what QEMU's monitor has opened since.
  private static func gdbservers(
    _ line: QEMUCommandLine, _ sockets: ListeningSockets?
  ) -> [StubTarget] {
    guard let sockets else { return line.gdbservers }
    let declared = line.gdbservers.filter(sockets.contains)
    guard declared.isEmpty || line.hasAnyPort else { return declared }
    let others = sockets.targets.filter { target in
      switch target {
      case .tcp(_, let port): !line.explains(port: port)
      // Monitors and devices may have got theirs by number, without a path in the command line.
      case .unix(let path): path.split(separator: "/").last?.contains("gdb") ?? false
      }
    }
    return declared + others.filter { !declared.contains($0) }
  }
}

extension HostGuest: CustomStringConvertible {
  public var description: String {
    name.map { "guest \($0) (pid \(pid))" } ?? "guest with pid \(pid)"
  }
}

extension String {
  /// False where either is not known.
  fileprivate func isAnother(than other: String) -> Bool {
    !isEmpty && !other.isEmpty && self != other
  }
}
