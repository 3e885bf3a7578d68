import Foundation

/// A plain TCP socket on loopback: another debugger, or a server that is not a gdbserver.
final class TCPSocket: Sendable {
  private let descriptor: Int32

  convenience init() { self.init(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)) }

  private init(_ descriptor: Int32) {
    self.descriptor = descriptor
    // What is sent byte by byte is to arrive so, and at once.
    var on: Int32 = 1
    setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close(descriptor) }

  private func withAddress<T>(
    port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> T
  ) -> T {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  func bindToAnyPort() { _ = withAddress(port: 0) { bind(descriptor, $0, $1) } }

  var port: Int {
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
    }
    return Int(in_port_t(bigEndian: address.sin_port))
  }

  func connect(to port: Int) -> Bool {
    withAddress(port: port) { Glibc.connect(descriptor, $0, $1) } == 0
  }

  func listen() { _ = Glibc.listen(descriptor, 4) }
  func accept() -> TCPSocket { TCPSocket(Glibc.accept(descriptor, nil, nil)) }
  func send(_ text: String) {
    _ = Glibc.send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL))
  }

  /// A server that greets its first client as ssh does.
  static func greeting() -> TCPSocket {
    let server = TCPSocket()
    server.bindToAnyPort()
    server.listen()
    Thread {
      let client = server.accept()
      client.send("SSH-2.0-OpenSSH_9.2\r\n")
      usleep(500_000)
    }.start()
    return server
  }

  /// Reads until something was said, or the end.
  func receive(until end: String) -> String {
    var text = ""
    while !text.contains(end) {
      let more = receive()
      if more.isEmpty { break }
      text += more
    }
    return text
  }

  func receive() -> String { String(decoding: receiveBytes(), as: UTF8.self) }

  /// Bounds each wait for bytes from here on.
  func limitWaits(toSeconds seconds: Int) {
    var limit = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  /// Waits for bytes; none at the end.
  func receiveBytes() -> [UInt8] {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(descriptor, &chunk, chunk.count)
    return Array(chunk[..<max(0, count)])
  }

  /// False when the other end is gone.
  @discardableResult
  func send(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBytes {
      Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) >= 0
    }
  }

  /// Ends the connection, whoever else has it open.
  func end() { if !isToBeReset { shutdown(descriptor, Int32(SHUT_RDWR)) } }

  /// The other end learns that no more will come, and can still be heard.
  func endWriting() { if !isToBeReset { shutdown(descriptor, Int32(SHUT_WR)) } }

  private var isToBeReset: Bool {
    var found = linger()
    var size = socklen_t(MemoryLayout<linger>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_LINGER, &found, &size)
    return found.l_onoff != 0
  }

  /// Wakes whoever waits for bytes; the connection is reset when the last user lets go of it.
  func resetAtRelease() {
    var now = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    shutdown(descriptor, Int32(SHUT_RD))
  }
}
