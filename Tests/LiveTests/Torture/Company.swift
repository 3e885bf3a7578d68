import Foundation
import TestSupport

/// Another client of QEMU's gdbserver, attached while a session runs.
final class Company {
  private var socket: TCPSocket?
  private var gdb: ChildProcess?
  /// What it ends with: the guest that was stopped before stays so.
  private let last: String
  private let stay: UInt32

  /// - Parameter port: of QEMU's gdbserver.
  init(_ session: TortureSession, _ port: Int, using random: inout SplitMix) throws {
    stay = .random(in: 0..<1_000_000, using: &random)
    last = session.runs ? "$c#63" : ""
    if session.way == .gdbBeside, GDB.isInstalled {
      gdb = try GDB.attached("127.0.0.1:\(port)", for: Double(stay) / 1e6)
      return
    }
    let socket = TCPSocket()
    socket.limitWaits(toSeconds: 10)
    guard socket.connect(to: port) else { throw QMP.Failure(text: "cannot connect to \(port)") }
    socket.send("$?#3f")
    _ = socket.receive(until: "T05")
    self.socket = socket
  }

  func leave() {
    if let gdb {
      _ = gdb.wait()
      return
    }
    usleep(stay)
    if !last.isEmpty { socket?.send(last) }
    socket = nil
  }
}
