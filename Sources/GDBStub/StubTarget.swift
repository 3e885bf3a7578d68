import Glibc

/// Where a gdbserver listens.
public enum StubTarget: Hashable, Sendable, CustomStringConvertible {
  /// An empty host means this machine.
  case tcp(host: String, port: UInt16)
  case unix(path: String)

  /// What `qemu -s` opens.
  public static let qemuDefault = StubTarget.tcp(host: "", port: 1234)

  /// Reads `HOST:PORT`, `[V6-ADDRESS]:PORT`, `:PORT`, `PORT` or `unix:PATH`; nil for anything else.
  public init?(_ text: String) {
    if text.hasPrefix("unix:") {
      let path = String(text.dropFirst("unix:".count))
      guard !path.isEmpty else { return nil }
      self = .unix(path: path)
      return
    }
    let text = text.hasPrefix("tcp:") ? text.dropFirst("tcp:".count) : text[...]
    let colon = text.lastIndex(of: ":")
    let digits = colon.map { text[text.index(after: $0)...] } ?? text
    // `UInt16` reads `+80` as well.
    guard digits.allSatisfy({ ("0"..."9").contains($0) }), let port = UInt16(digits), port > 0
    else { return nil }
    var host = colon.map { text[..<$0] } ?? ""
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    self = .tcp(host: String(host), port: port)
  }

  /// Whether a stub listens there, found out without connecting, which would stop its guest; nil
  /// where this cannot be known: on other machines, and where this one's tables cannot be read.
  /// Behind a port that is forwarded (a container's) nothing may seem to listen.
  public var isOpen: Bool? {
    switch self {
    case .tcp(let host, let port):
      host.isEmpty || host == "localhost" || host.hasPrefix("127.") || host == "::1"
        ? LocalPeers.isOpen(port: port) : nil
    case .unix(let path): unsafe access(path, F_OK) == 0
    }
  }

  public var description: String {
    switch self {
    case .tcp(let host, let port):
      host.contains(":") ? "[\(host)]:\(port)" : "\(host.isEmpty ? "127.0.0.1" : host):\(port)"
    case .unix(let path): path
    }
  }
}
