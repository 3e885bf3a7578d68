import Foundation

/// A link between the program and QEMU that delays what it carries, changes it, or breaks.
final class Proxy: @unchecked Sendable {
  /// What it does to its next client.
  struct Behaviour {
    /// Added to the way of each piece, both ways.
    var delay: Duration = .zero
    /// Breaks after so many bytes of QEMU's, once.
    var cutsAfter: Int?
    /// Changes what QEMU says.
    var tamperer: Tamperer?
  }

  let listener = TCPSocket()
  private let server: Int
  private let lock = NSLock()
  private var behaviour: Behaviour
  private var hasEnded = false
  /// Of links that nothing else breaks.
  private var sockets: [TCPSocket] = []

  /// - Parameter server: the port of QEMU's gdbserver.
  init(to server: Int, _ behaviour: Behaviour = Behaviour()) {
    (self.server, self.behaviour) = (server, behaviour)
    listener.bindToAnyPort()
    listener.listen()
    Thread.detachNewThread { [self] in serve() }
  }

  var target: String { "127.0.0.1:\(listener.port)" }

  func change(_ body: (inout Behaviour) -> Void) { lock.withLock { body(&behaviour) } }

  /// Breaks every link that it carries; the next client has a new one.
  func breakLinks() {
    for socket in lock.withLock({ sockets }) { socket.end() }
  }

  /// Must be called: its thread keeps it alive.
  func end() {
    lock.withLock { hasEnded = true }
    _ = TCPSocket().connect(to: listener.port)
  }

  private func serve() {
    while true {
      let client = listener.accept()
      if lock.withLock({ hasEnded }) { return }
      let qemu = TCPSocket()
      guard qemu.connect(to: server) else { continue }
      lock.withLock { if behaviour.tamperer == nil { sockets += [client, qemu] } }
      let ends = [(client, qemu), (qemu, client)]
      for (index, (from, to)) in ends.enumerated() {
        Thread.detachNewThread { [self] in carry(from, to, isQEMUs: index == 1) }
      }
    }
  }

  private func carry(_ from: TCPSocket, _ to: TCPSocket, isQEMUs: Bool) {
    if let tamperer = lock.withLock({ behaviour.tamperer }) {
      if isQEMUs { return tamperer.carry(from, to) }
      // All of it reaches QEMU, before the end does.
      while case let bytes = from.receiveBytes(), !bytes.isEmpty { to.send(bytes[...]) }
      return to.endWriting()
    }
    defer {
      from.end()
      to.end()
    }
    while case let bytes = from.receiveBytes(), !bytes.isEmpty {
      let (rest, delay) = lock.withLock { () -> (Int?, Duration) in
        let rest = isQEMUs ? behaviour.cutsAfter : nil
        if let rest { behaviour.cutsAfter = rest > bytes.count ? rest - bytes.count : nil }
        return (rest, behaviour.delay)
      }
      if delay > .zero { usleep(UInt32(delay / .microseconds(1))) }
      to.send(bytes.prefix(rest ?? bytes.count))
      if let rest, rest <= bytes.count { return }
    }
  }
}
