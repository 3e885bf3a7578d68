import Glibc
import GuestScopeBytes

/// A stream socket to a stub: plain POSIX, one owner.
struct Socket: ~Copyable {
  let descriptor: Int32

  /// A call that failed: what it was, and the system's word for why.
  struct Failure: Error {
    var call: String
    var code: Int32
    var reason: String

    init(_ call: String, code: Int32 = errno) {
      self.call = call
      self.code = code
      reason = unsafe String(cString: strerror(code))
    }

    /// Of `getaddrinfo`, which has numbers of its own.
    init(lookUp host: String, status: Int32) {
      self.init("look up \(host)")
      if status != EAI_SYSTEM { reason = unsafe String(cString: gai_strerror(status)) }
    }
  }

  /// A resolved address.
  struct Address: Sendable {
    var family: Int32
    var bytes: [UInt8]
    /// Loopback, so that a peer of the stub shows in this machine's own tables.
    var isLoopback: Bool
  }

  init(family: Int32, timeout: Duration) throws(Failure) {
    descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Failure("socket") }
    // Bounds connect and send; receiving polls.
    var limit = timeval(timeout)
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var on: Int32 = 1
    if family != AF_UNIX {
      unsafe setsockopt(
        descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }
    // The kernel notes when each reply came, so that a pause is measured without watching it.
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit {
    end()
    close(descriptor)
  }

  /// Ends the connection. A guardian may hold a duplicate, and a mere `close` would leave QEMU its
  /// client.
  borrowing func end() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// Connects and writes in one system call where the system can (TCP on Linux): a client killed
  /// between the two would leave the guest paused for ever.
  borrowing func connect(to address: Address, sending bytes: [UInt8]) throws(Failure) {
    if address.family != AF_UNIX {
      let sent = unsafe bytes.withUnsafeBytes { bytes in
        unsafe withSockaddr(address) {
          unsafe sendto(
            descriptor, bytes.baseAddress, bytes.count,
            Int32(MSG_FASTOPEN) | Int32(MSG_NOSIGNAL), $0, $1)
        }
      }
      if sent == bytes.count { return }
      if sent >= 0 { return try send(Array(bytes[sent...])) }
      // Stopped and continued: the connection goes on, and to send waits for it.
      if errno == EINTR { return try send(bytes) }
      // Where the administrator turned TCP Fast Open off, two calls must do.
      guard errno == EOPNOTSUPP else { throw Failure("connect") }
    }
    var status: Int32
    repeat {
      status = unsafe withSockaddr(address) { unsafe Glibc.connect(descriptor, $0, $1) }
    } while status != 0 && errno == EINTR && address.family == AF_UNIX
    guard status == 0 || errno == EINTR else { throw Failure("connect") }
    try send(bytes)
  }

  borrowing func send(_ bytes: [UInt8]) throws(Failure) {
    var done = 0
    while done < bytes.count {
      let sent = unsafe bytes.suffix(bytes.count - done).withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if sent < 0, errno == EINTR { continue }
      guard sent > 0 else { throw Failure("send") }
      done += sent
    }
  }

  /// What a wait for bytes came to.
  enum Received {
    /// With the moment at which the last of them arrived.
    case bytes([UInt8], at: Moment)
    case closed
    case timedOut
  }

  /// How long to look again and again before going to sleep: to be woken takes tens of microseconds, and the
  /// guest stands still meanwhile.
  private static let alertness: Duration = .microseconds(200)

  /// Waits until more than `count` bytes are there, and returns up to `limit` of all that are,
  /// which stay there to be taken.
  borrowing func peek(
    beyond count: Int, within time: Duration, limit: Int
  ) throws(Failure) -> Received {
    let alert = ContinuousClock.now + min(time, Self.alertness)
    while .now < alert {
      var bytes: [UInt8] = []
      var arrival = Moment.now
      if receive(into: &bytes, limit, Int32(MSG_PEEK), arrival: &arrival) > count {
        return .bytes(bytes, at: arrival)
      }
    }
    // TCP wakes us when the next byte is there; other sockets say that the first ones are.
    var least = Int32(count + 1)
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_RCVLOWAT, &least, socklen_t(MemoryLayout<Int32>.size))
    defer {
      least = 1
      unsafe setsockopt(
        descriptor, SOL_SOCKET, SO_RCVLOWAT, &least, socklen_t(MemoryLayout<Int32>.size))
    }
    let deadline = ContinuousClock.now + time
    while true {
      let received = try receive(
        within: deadline - .now, limit: limit, flags: Int32(MSG_PEEK))
      guard case .bytes(let bytes, _) = received, bytes.count <= count, bytes.count < limit else {
        return received
      }
      guard .now < deadline else { return .timedOut }
      // Its end has come, after these bytes.
      if hasEnded(descriptor) { return .closed }
      sleep(for: .microseconds(20))
    }
  }

  /// Waits for bytes and takes up to `limit` of them.
  borrowing func receive(
    within time: Duration, limit: Int = 1 << 18, flags: Int32 = 0
  ) throws(Failure) -> Received {
    let deadline = ContinuousClock.now + time
    while true {
      var poller = pollfd(descriptor: descriptor)
      let left = (deadline - .now).components
      let milliseconds = max(0, left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000 + 1)
      let ready = poll(&poller, 1, Int32(clamping: milliseconds))
      if ready < 0, errno == EINTR { continue }
      guard ready >= 0 else { throw Failure("poll") }
      guard ready > 0 else { return .timedOut }
      var arrival = Moment.now
      var bytes: [UInt8] = []
      let received = receive(into: &bytes, limit, flags, arrival: &arrival)
      if received < 0, errno == EINTR || errno == EAGAIN { continue }
      if received < 0, errno == ECONNRESET { return .closed }
      guard received >= 0 else { throw Failure("recv") }
      return received == 0 ? .closed : .bytes(bytes, at: arrival)
    }
  }

  private borrowing func receive(
    into bytes: inout [UInt8], _ capacity: Int, _ flags: Int32, arrival: inout Moment
  ) -> Int {
    var received = 0
    var stamp: Moment?
    bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      var part = unsafe iovec(iov_base: buffer.baseAddress, iov_len: capacity)
      unsafe withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { control in
        unsafe withUnsafeMutablePointer(to: &part) { part in
          var message = unsafe msghdr()
          unsafe message.msg_iov = part
          unsafe message.msg_iovlen = 1
          unsafe message.msg_control = control.baseAddress
          unsafe message.msg_controllen = control.count
          received = unsafe recvmsg(descriptor, &message, flags | Int32(MSG_DONTWAIT))
          // A control message is its length, level, type (16 bytes), then a timespec.
          if received > 0, unsafe message.msg_controllen >= 32,
            unsafe control.load(fromByteOffset: 12, as: Int32.self) == SO_TIMESTAMPNS
          {
            stamp = unsafe Moment(control.load(fromByteOffset: 16, as: timespec.self))
          }
        }
      }
      count = max(0, received)
    }
    if let stamp { arrival = stamp }
    return received
  }
}

/// A point on the system's wall clock, the clock of the kernel's packet time stamps.
struct Moment: Comparable {
  var nanoseconds: Int64

  init(_ time: timespec) {
    nanoseconds = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  static var now: Moment {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Moment(time)
  }

  static func < (a: Moment, b: Moment) -> Bool { a.nanoseconds < b.nanoseconds }
  static func - (a: Moment, b: Moment) -> Duration { .nanoseconds(a.nanoseconds - b.nanoseconds) }
}

extension pollfd {
  init(descriptor: Int32) { self.init(fd: descriptor, events: Int16(POLLIN), revents: 0) }

  /// For the end of a connection.
  init(endOf descriptor: Int32) {
    // POLLRDHUP, for _GNU_SOURCE only.
    self.init(fd: descriptor, events: 0x2000, revents: 0)
  }
}

/// True when either end has closed the connection, and for a socket that is not connected yet.
func hasEnded(_ descriptor: Int32) -> Bool {
  var poller = pollfd(endOf: descriptor)
  return unsafe poll(&poller, 1, 0) > 0
}

extension timeval {
  init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self.init(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
  }
}
