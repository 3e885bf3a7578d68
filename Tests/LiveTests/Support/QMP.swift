import Foundation
import TestSupport

/// QEMU's own protocol: the witness of what happens to a guest.
final class QMP {
  private let descriptor: Int32
  private var buffer: [UInt8] = []

  struct Failure: Error { var text: String }

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    // A QEMU that hangs is a failure, and no reason to wait for ever.
    var limit = timeval(tv_sec: 120, tv_usec: 0)
    setsockopt(
      descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    // The socket is there a moment before QEMU listens.
    let isConnected = eventually {
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      } == 0
    }
    guard isConnected else { throw Failure(text: "cannot connect to \(path)") }
    _ = try message()
    _ = try execute("qmp_capabilities")
  }

  deinit { close(descriptor) }

  /// Runs a command and returns its result; events on the way are dropped.
  ///
  /// - Parameter arguments: a JSON object.
  @discardableResult
  func execute(_ command: String, arguments: String = "{}") throws -> Any? {
    let bytes = Array(#"{"execute":"\#(command)","arguments":\#(arguments)}"#.utf8)
    guard write(descriptor, bytes, bytes.count) == bytes.count else {
      throw Failure(text: "cannot write")
    }
    while true {
      let message = try message()
      if let error = message["error"] { throw Failure(text: "\(error)") }
      if message.keys.contains("return") { return message["return"] }
    }
  }

  /// What a line to the human monitor prints.
  func monitor(_ line: String) throws -> String {
    let answer = try execute(
      "human-monitor-command", arguments: #"{"command-line":"\#(line)"}"#)
    return (answer as? String ?? "").replacingOccurrences(of: "\r\n", with: "\n")
  }

  /// The port where QEMU's gdbserver listens, as in `disconnected:tcp:127.0.0.1:1234,server=on`.
  var gdbPort: Int? {
    get throws {
      let devices = try execute("query-chardev") as? [[String: Any]]
      let name = devices?.first { $0["label"] as? String == "gdb" }?["filename"] as? String
      return name?.split(separator: ":").last.flatMap { Int($0.prefix(while: \.isNumber)) }
    }
  }

  /// `running`, `paused`, `prelaunch`, …
  var status: String {
    get throws {
      let answer = try execute("query-status") as? [String: Any]
      return answer?["status"] as? String ?? "unknown"
    }
  }

  /// True when the guest runs, or does so soon: QEMU acts on a `c` some time after it was written.
  var runs: Bool {
    get throws {
      try eventually { try status == "running" }
    }
  }

  /// True when the guest runs before some seconds are over.
  func runs(within seconds: Double) throws -> Bool {
    let deadline = Date() + seconds
    while try status != "running" {
      guard Date() < deadline else { return false }
      usleep(5000)
    }
    return true
  }

  /// The moments of STOP and RESUME events that are here, in microseconds.
  func pauses() throws -> [Int] {
    var pauses: [Int] = []
    var stopped: Int?
    _ = try execute(
      "query-status",
      collecting: { event, microseconds in
        if event == "STOP" { stopped = microseconds }
        if event == "RESUME", let start = stopped { pauses.append(microseconds - start) }
      })
    return pauses
  }

  /// The names of the events that are here.
  func events() throws -> [String] {
    var events: [String] = []
    _ = try execute("query-status", collecting: { event, _ in events.append(event) })
    return events
  }

  private func execute(_ command: String, collecting: (String, Int) -> Void) throws -> Any? {
    let bytes = Array(#"{"execute":"\#(command)"}"#.utf8)
    _ = write(descriptor, bytes, bytes.count)
    while true {
      let message = try message()
      if let event = message["event"] as? String,
        let time = message["timestamp"] as? [String: Int]
      {
        collecting(event, (time["seconds"] ?? 0) * 1_000_000 + (time["microseconds"] ?? 0))
      }
      if message.keys.contains("return") { return message["return"] }
    }
  }

  private func message() throws -> [String: Any] {
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        let line = buffer[..<end]
        buffer.removeSubrange(...end)
        return try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] ?? [:]
      }
      var chunk = [UInt8](repeating: 0, count: 65536)
      let count = read(descriptor, &chunk, chunk.count)
      guard count > 0 else { throw Failure(text: "QEMU closed its QMP socket, or says nothing") }
      buffer += chunk[..<count]
    }
  }
}
