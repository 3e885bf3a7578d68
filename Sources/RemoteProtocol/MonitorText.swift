/// Whether the guest runs, as ``MonitorCommand/status`` prints it (`hmp_info_status` in QEMU).
///
/// While a debugger is connected this is never `running`: connecting stopped the guest.
public enum RunStatus: Sendable, Equatable {
  case running
  /// The reason is QEMU's RunState (`prelaunch`, `guest-panicked`, `io-error`, …); nil for a stop
  /// by a person or a debugger.
  case paused(reason: String?)

  /// Reads `VM status: paused (prelaunch)`, or returns nil.
  public init?(monitorText text: String) {
    let label = "VM status: "
    guard let line = text.lines.first(where: { $0.hasPrefix(label) }) else { return nil }
    var rest = line.dropFirst(label.count)
    let word = rest.prefix { $0 != " " }
    rest = rest[word.endIndex...]
    let notes = rest.split { $0 == "(" || $0 == ")" }.map(String.init)
      // Not a state: QEMU up to 8.0 says so when run with -singlestep.
      .filter { $0 != " " && $0 != "single step mode" }
    switch word {
    case "running": self = .running
    case "paused": self = .paused(reason: notes.first)
    default: return nil
    }
  }
}

/// QEMU's version, as ``MonitorCommand/version`` prints it.
public struct QEMUVersion: Sendable, Equatable {
  public let major: Int
  public let minor: Int
  /// All that was printed, with the distributor's mark: `7.2.22Debian 1:7.2+dfsg-7+deb12u18+b3`.
  public let text: String

  /// Reads `major.minor…`, or returns nil.
  public init?(monitorText text: String) {
    guard let line = text.lines.first else { return nil }
    let numbers = line.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
    guard numbers.count >= 2, let major = Int(numbers[0]), major >= 0,
      let minor = Int(numbers[1].prefix { $0.isWholeNumber }), minor >= 0
    else { return nil }
    self.major = major
    self.minor = minor
    self.text = String(line)
  }
}

/// The thread of QEMU that runs a vCPU, as a line of ``MonitorCommand/cpus`` shows it.
public struct HostThread: Sendable, Equatable {
  /// The vCPU, from 0.
  public let cpu: Int
  /// The thread's id in the host's kernel.
  public let id: Int

  /// More vCPUs than any machine of QEMU's has (4096, a Q35's).
  public static let cpuLimit = 8192

  public init(cpu: Int, id: Int) { (self.cpu, self.id) = (cpu, id) }

  /// Reads lines like `* CPU #0: thread_id=4613`; others are left out.
  public static func list(monitorText text: String) -> [HostThread] {
    text.lines.compactMap { line in
      let words = line.split(separator: " ")
      guard let mark = words.firstIndex(of: "CPU"), mark + 2 < words.count,
        words[mark + 1].hasPrefix("#"), words[mark + 2].hasPrefix("thread_id="),
        let cpu = Int(words[mark + 1].dropFirst().prefix { $0 != ":" }),
        (0..<cpuLimit).contains(cpu),
        let id = Int(words[mark + 2].dropFirst(10)), id > 0
      else { return nil }
      return HostThread(cpu: cpu, id: id)
    }
  }
}

extension String {
  /// The lines, whether they end in `\n` or `\r\n`.
  fileprivate var lines: [Substring] { split(whereSeparator: \.isNewline) }
}
