import Glibc

extension Socket.Address {
  /// The addresses of a target, in the order to try.
  static func resolve(_ target: StubTarget) throws(Socket.Failure) -> [Socket.Address] {
    switch target {
    case .unix(let path): return [try unix(path)]
    case .tcp("", let port):
      // `-s` listens on both; `-gdb tcp:127.0.0.1:…` on one.
      return try lookUp("127.0.0.1", port) + lookUp("::1", port)
    case .tcp(let host, let port): return try lookUp(host, port)
    }
  }

  private static func unix(_ path: String) throws(Socket.Failure) -> Socket.Address {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw Socket.Failure("connect", code: ENAMETOOLONG)
    }
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let raw = unsafe withUnsafeBytes(of: &address) { unsafe Array($0) }
    return Socket.Address(family: AF_UNIX, bytes: raw, isLoopback: false)
  }

  private static func lookUp(
    _ host: String, _ port: UInt16
  ) throws(Socket.Failure) -> [Socket.Address] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let status = unsafe getaddrinfo(host, String(port), &hints, &list)
    guard status == 0 else { throw Socket.Failure(lookUp: host, status: status) }
    defer { unsafe freeaddrinfo(list) }
    var addresses: [Socket.Address] = []
    var next = unsafe list
    while let entry = unsafe next?.pointee {
      let raw = unsafe UnsafeRawBufferPointer(
        start: entry.ai_addr, count: Int(entry.ai_addrlen))
      let bytes = unsafe Array(raw)
      addresses.append(
        Socket.Address(
          family: unsafe entry.ai_family, bytes: bytes, isLoopback: isLoopback(bytes)))
      unsafe next = entry.ai_next
    }
    return addresses
  }

  /// 127.0.0.0/8 or ::1, from the bytes of a `sockaddr_in` or `sockaddr_in6`.
  private static func isLoopback(_ bytes: [UInt8]) -> Bool {
    if bytes.count == MemoryLayout<sockaddr_in>.size { return bytes[4] == 127 }
    if bytes.count == MemoryLayout<sockaddr_in6>.size {
      return bytes[8..<23].allSatisfy { $0 == 0 } && bytes[23] == 1
    }
    return false
  }
}

/// Lends the address to a system call.
func withSockaddr<T>(
  _ address: Socket.Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> T
) -> T {
  unsafe address.bytes.withUnsafeBytes {
    unsafe body(
      $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(address.bytes.count))
  }
}
