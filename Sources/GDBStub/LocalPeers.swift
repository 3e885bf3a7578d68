import Glibc

/// Looks for a client that a stub on this machine already serves.
///
/// QEMU takes one client at a time and lets the next wait in the kernel's backlog, where it hears
/// nothing, and whatever it has written by then reaches QEMU when the first one leaves.
enum LocalPeers {
  /// TCP_ESTABLISHED and TCP_LISTEN of include/net/tcp_states.h.
  static let (established, listening) = ("01", "0A")

  /// True when a socket of this machine's listening `port` has a peer. This is asked before the first
  /// packet of every run, so the quickest way to know is taken.
  static func hasPeer(port: UInt16) -> Bool {
    SocketDiagnostics.hasPeer(port: port) ?? hasListedPeer(port: port)
  }

  /// The same by the tables that every kernel has.
  static func hasListedPeer(port: UInt16) -> Bool {
    hasSocket(port: port, in: established) ?? false
  }

  /// True when somebody listens on a port of this machine; nil when that cannot be read.
  static func isOpen(port: UInt16, tables: [String] = tables) -> Bool? {
    hasSocket(port: port, in: listening, tables)
  }

  enum Listener { case qemu, other, unknown }

  /// Whose port it is: QEMU's own, or that of a program that forwards it. Unknown where the process
  /// is another user's.
  static func listener(port: UInt16, isQEMU: (String) -> Bool = isQEMU) -> Listener {
    let inodes = Set(
      rows(port: port, in: listening).joined().compactMap { columns in
        columns.count > 9 ? "socket:[\(columns[9])]" : nil
      })
    for process in ProcFiles.names(in: "/proc") where Int(process) != nil {
      let folder = "/proc/\(process)/fd"
      let isListener = ProcFiles.names(in: folder).contains {
        inodes.contains(ProcFiles.target(of: "\(folder)/\($0)"))
      }
      guard isListener else { continue }
      return isQEMU(ProcFiles.target(of: "/proc/\(process)/exe")) ? .qemu : .other
    }
    return .unknown
  }

  /// By the path of an executable: `qemu-system-x86_64`, `qemu-kvm`, Proxmox's `kvm`.
  static func isQEMU(_ path: String) -> Bool {
    let name = ProcFiles.executableName(path)
    return name.contains("qemu") || name == "kvm"
  }

  static let tables = ["/proc/net/tcp", "/proc/net/tcp6"]

  private static func hasSocket(
    port: UInt16, in state: String, _ tables: [String] = tables
  ) -> Bool? {
    let found = rows(port: port, in: state, tables)
    return found.isEmpty ? nil : found.contains { !$0.isEmpty }
  }

  /// The sockets of each table, as their columns: sl, local address, remote address, state, …, inode
  /// (net/ipv4/tcp_ipv4.c, get_tcp4_sock).
  private static func rows(
    port: UInt16, in state: String, _ tables: [String] = tables
  ) -> [[[Substring]]] {
    let suffix = ":" + hex4(port)
    // Without IPv6 the second is not there.
    return tables.compactMap { ProcFiles.lines(of: $0) }.map { lines in
      lines.map { $0.split(separator: " ", maxSplits: 10) }.filter {
        $0.count > 3 && $0[3] == state && $0[1].hasSuffix(suffix)
      }
    }
  }

  private static func hex4(_ port: UInt16) -> String {
    let digits = String(port, radix: 16, uppercase: true)
    return String(repeating: "0", count: 4 - digits.count) + digits
  }
}
