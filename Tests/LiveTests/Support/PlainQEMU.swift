import Foundation

/// A QEMU without a kernel: enough to test what happens to its run state. Ends with the object.
final class PlainQEMU {
  private let process: ChildProcess
  private let folder: URL
  let port: Int

  /// - Parameters:
  ///   - arguments: more of QEMU's, such as `-S`.
  ///   - port: of its gdbserver; nil for any that is free.
  init(_ arguments: [String] = [], port: Int? = nil) throws {
    folder = URL(fileURLWithPath: "/tmp/gs-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    self.port = port ?? Self.freePort()
    let socket = folder.appendingPathComponent("qmp.sock").path
    let own = [
      "-M", "q35", "-accel", "tcg", "-m", "64M", "-nodefaults", "-display", "none", "-gdb",
      "tcp:127.0.0.1:\(self.port)", "-qmp", "unix:\(socket),server=on,wait=off",
    ]
    process = try ChildProcess("/usr/bin/qemu-system-x86_64", own + arguments)
    for _ in 0..<100 where !FileManager.default.fileExists(atPath: socketPath) { usleep(100_000) }
    // It greets when its main loop runs, and by then the gdbserver listens.
    _ = try qmp
  }

  deinit {
    kill(process.identifier, SIGTERM)
    _ = process.wait()
    try? FileManager.default.removeItem(at: folder)
  }

  private var socketPath: String { folder.appendingPathComponent("qmp.sock").path }
  var qmp: QMP { get throws { try QMP(socketPath) } }
  var target: String { "127.0.0.1:\(port)" }

  private static func freePort() -> Int {
    let listener = TCPSocket()
    listener.bindToAnyPort()
    return listener.port
  }
}
