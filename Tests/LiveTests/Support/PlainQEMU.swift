import Foundation
import TestSupport
import Testing

/// A QEMU program for x86-64 guests.
struct QEMUProgram: CustomTestStringConvertible, Sendable {
  var version: String
  var path: String

  /// From the environment, `VERSION=PATH` a line; this machine's own when there is none.
  static let all: [QEMUProgram] = {
    let words = ProcessInfo.processInfo.environment["GUESTSCOPE_QEMUS"] ?? ""
    let programs = words.split(separator: "\n").compactMap { word in
      word.firstIndex(of: "=").map {
        QEMUProgram(
          version: String(word[..<$0]), path: String(word[word.index(after: $0)...]))
      }
    }
    return programs.isEmpty ? [installed] : programs
  }()

  /// The program of the same version for arm64 guests, which lies beside it.
  var arm64: QEMUProgram {
    QEMUProgram(
      version: version,
      path: path.replacingOccurrences(of: "qemu-system-x86_64", with: "qemu-system-aarch64"))
  }

  static let installed = QEMUProgram(version: "installed", path: "/usr/bin/qemu-system-x86_64")

  var testDescription: String { "QEMU \(version)" }
}

/// A CI in which the other versions of QEMU are missing has failed.
@Test func qemusAreThereInCI() {
  guard ProcessInfo.processInfo.environment["CI"] != nil else { return }
  #expect(QEMUProgram.all.count > 1, "GUESTSCOPE_QEMUS is not set; scripts/test sets it")
}

/// A QEMU without a kernel: enough to test what happens to its run state. Ends with the object.
final class PlainQEMU {
  private let process: ChildProcess
  private let folder: URL
  let port: Int
  var identifier: pid_t { process.identifier }
  /// What to connect to: the port, or a unix socket.
  let target: String
  /// Whether it says unasked that a connection stopped its guest, as all do up to 8.0; later ones
  /// do so after a client that left by `c`.
  var alwaysTellsStops: Bool { version <= (8, 0) }
  private let version: (major: Int, minor: Int)
  /// Whether it refuses to read where nothing is.
  var refusesHoles: Bool { version.major >= 11 }

  /// - Parameters:
  ///   - arguments: more of QEMU's, such as `-S`.
  ///   - machine: of the program's architecture, with its options.
  ///   - port: of its gdbserver; nil for one that QEMU chooses.
  init(
    _ arguments: [String] = [], program: QEMUProgram = .installed, machine: String = "q35",
    isUnix: Bool = false, port: Int? = nil
  ) throws {
    folder = URL(fileURLWithPath: "/tmp/gs-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let (socket, gdb) = (folder.path + "/qmp.sock", folder.path + "/gdb.sock")
    let own = [
      "-M", machine, "-accel", "tcg", "-m", "64M", "-nodefaults", "-display", "none", "-gdb",
      isUnix ? "unix:\(gdb),server=on,wait=off" : "tcp:127.0.0.1:\(port ?? 0)", "-qmp",
      "unix:\(socket),server=on,wait=off",
    ]
    let process = try ChildProcess(program.path, own + arguments)
    self.process = process
    _ = eventually { FileManager.default.fileExists(atPath: socket) || !process.isRunning }
    // It greets when its main loop runs, and by then the gdbserver listens.
    let qmp = try QMP(socket)
    let answer = try qmp.execute("query-version") as? [String: Any]
    let numbers = try #require(answer?["qemu"] as? [String: Int])
    version = (numbers["major"]!, numbers["minor"]!)
    self.port = isUnix ? 0 : try #require(try qmp.gdbPort)
    target = isUnix ? "unix:\(gdb)" : "127.0.0.1:\(self.port)"
  }

  deinit {
    kill(process.identifier, SIGTERM)
    _ = process.wait()
    try? FileManager.default.removeItem(at: folder)
  }

  private var socketPath: String { folder.appendingPathComponent("qmp.sock").path }
  var qmp: QMP { get throws { try QMP(socketPath) } }

  /// One that nothing listens at now.
  static func freePort() -> Int {
    let listener = TCPSocket()
    listener.bindToAnyPort()
    return listener.port
  }
}
