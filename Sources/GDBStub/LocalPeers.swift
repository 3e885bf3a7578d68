import Glibc

/// Looks for a client that a stub on this machine already serves.
///
/// QEMU takes one client at a time and lets the next wait in the kernel's backlog, where it hears
/// nothing, and whatever it has written by then reaches QEMU when the first one leaves.
enum LocalPeers {
  /// TCP_ESTABLISHED and TCP_LISTEN of include/net/tcp_states.h.
  private static let (established, listening) = ("01", "0A")

  /// True when a socket of this machine's listening `port` has a peer.
  static func hasPeer(port: UInt16) -> Bool { hasSocket(port: port, in: established) ?? false }

  /// True when somebody listens on a port of this machine; nil when that cannot be read.
  static func isOpen(port: UInt16, tables: [String] = tables) -> Bool? {
    hasSocket(port: port, in: listening, tables)
  }

  static let tables = ["/proc/net/tcp", "/proc/net/tcp6"]

  private static func hasSocket(
    port: UInt16, in state: String, _ tables: [String] = tables
  ) -> Bool? {
    let suffix = ":" + hex4(port)
    // Without IPv6 the second is not there.
    let found = tables.compactMap { lines(of: $0) }
    guard !found.isEmpty else { return nil }
    return found.joined().contains { line in
      // sl, local address, remote address, state (net/ipv4/tcp_ipv4.c, get_tcp4_sock)
      let columns = line.split(separator: " ", maxSplits: 4)
      return columns.count > 3 && columns[3] == state && columns[1].hasSuffix(suffix)
    }
  }

  private static func hex4(_ port: UInt16) -> String {
    let digits = String(port, radix: 16, uppercase: true)
    return String(repeating: "0", count: 4 - digits.count) + digits
  }

  private static func lines(of path: String) -> [Substring]? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe read(file, &chunk, chunk.count)
      guard count > 0 else { break }
      text += chunk[..<count]
    }
    return String(decoding: text, as: UTF8.self).split(separator: "\n")
  }
}
