import Glibc

/// What a process listens on.
struct ListeningSockets {
  private(set) var targets: [StubTarget] = []

  /// - Parameter folder: the process's in /proc.
  /// - Returns: nil where its descriptors cannot be seen: it is another user's.
  init?(of folder: String) {
    let descriptors = ProcFiles.names(in: folder + "/fd")
    guard !descriptors.isEmpty else { return nil }
    let inodes = Set(
      descriptors.compactMap { name -> Substring? in
        let target = ProcFiles.target(of: "\(folder)/fd/\(name)")
        guard target.hasPrefix("socket:["), target.hasSuffix("]") else { return nil }
        return target.dropFirst("socket:[".count).dropLast()
      })
    guard !inodes.isEmpty else { return }
    for table in ["tcp", "tcp6"] {
      for row in ProcFiles.lines(of: "\(folder)/net/\(table)") ?? [] {
        // sl, local address, remote address, state, …, inode (net/ipv4/tcp_ipv4.c, get_tcp4_sock)
        let columns = row.split(separator: " ", maxSplits: 10)
        guard columns.count > 9, columns[3] == LocalPeers.listening, inodes.contains(columns[9]),
          let target = Self.target(columns[1])
        else { continue }
        add(target)
      }
    }
    for row in ProcFiles.lines(of: folder + "/net/unix") ?? [] {
      // Num, RefCount, Protocol, Flags, Type, St, Inode, Path (net/unix/af_unix.c, unix_seq_show)
      let columns = row.split(separator: " ", maxSplits: 7)
      guard columns.count > 7, let flags = UInt32(columns[3], radix: 16),
        flags & Self.acceptsConnections != 0, inodes.contains(columns[6])
      else { continue }
      add(.unix(path: String(columns[7])))
    }
  }

  /// __SO_ACCEPTCON of include/uapi/linux/net.h.
  private static let acceptsConnections: UInt32 = 1 << 16

  /// The same port of both families is one.
  private mutating func add(_ target: StubTarget) {
    if !targets.contains(target) { targets.append(target) }
  }

  /// True when it listens where a command line says.
  func contains(_ target: StubTarget) -> Bool {
    targets.contains { own in
      switch (own, target) {
      case (.tcp(_, let port), .tcp(_, let wanted)): port == wanted
      case (.unix(let path), .unix(let wanted)): path == wanted
      default: false
      }
    }
  }

  /// `0100007F:04D2`: the bytes of the address, of which each four are a number of this machine, and
  /// the port. An address that every connection from here reaches is none.
  private static func target(_ text: Substring) -> StubTarget? {
    let parts = text.split(separator: ":")
    guard parts.count == 2, let port = UInt16(parts[1], radix: 16) else { return nil }
    let digits = Array(parts[0])
    guard digits.count == 8 || digits.count == 32 else { return nil }
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: digits.count, by: 8) {
      guard let word = UInt32(String(digits[start..<start + 8]), radix: 16) else { return nil }
      bytes += unsafe withUnsafeBytes(of: word) { unsafe Array($0) }
    }
    let isV4 = bytes.count == 4
    let isAny = bytes.allSatisfy { $0 == 0 }
    let isLoopback =
      isV4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1
    if isAny || isLoopback { return .tcp(host: "", port: port) }
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard
      unsafe inet_ntop(isV4 ? AF_INET : AF_INET6, bytes, &buffer, socklen_t(buffer.count)) != nil
    else { return nil }
    let host = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return .tcp(host: String(decoding: host, as: UTF8.self), port: port)
  }
}
