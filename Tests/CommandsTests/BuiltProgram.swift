import Foundation

/// The program next to the test bundle.
enum BuiltProgram {
  struct Outcome {
    var status: Int32
    var out: String
    var err: String

    func json() throws -> Any {
      try JSONSerialization.jsonObject(with: Data(out.utf8), options: .fragmentsAllowed)
    }
  }

  static let path = URL(fileURLWithPath: CommandLine.arguments[0])
    .resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("guestscope").path

  /// Runs it without a cache, and with no other variables than these.
  ///
  /// - Parameter isPatient: Tab has all the time that it takes.
  static func run(
    _ arguments: [String], _ variables: [String: String] = [:], input: String = "",
    isPatient: Bool = false
  ) throws -> Outcome {
    let process = Process()
    let script = #"trap '' ALRM; exec "$0" "$@""#
    process.executableURL = URL(fileURLWithPath: isPatient ? "/bin/sh" : path)
    process.arguments = (isPatient ? ["-c", script, path] : []) + arguments
    // The program keeps no cache where HOME is not set.
    process.environment = variables
    let (feed, output, errors) = (Pipe(), Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (feed, output, errors)
    try process.run()
    try feed.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try feed.fileHandleForWriting.close()
    let out = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let err = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Outcome(status: process.terminationStatus, out: out, err: err)
  }
}
