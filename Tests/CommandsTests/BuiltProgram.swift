import Foundation
import TestSupport

/// The program next to the test bundle.
enum BuiltProgram {
  typealias Outcome = ChildProcess.Outcome

  static let path = URL(fileURLWithPath: CommandLine.arguments[0])
    .resolvingSymlinksInPath().deletingLastPathComponent().appendingPathComponent("guestscope").path

  /// Runs it without a cache, and with no other variables than these.
  ///
  /// - Parameter isPatient: Tab has all the time that it takes.
  static func run(
    _ arguments: [String], _ variables: [String: String] = [:], input: String = "",
    isPatient: Bool = false
  ) throws -> Outcome {
    let script = #"trap '' ALRM; exec "$0" "$@""#
    // The program keeps no cache where HOME is not set.
    return try ChildProcess.run(
      isPatient ? "/bin/sh" : path, (isPatient ? ["-c", script, path] : []) + arguments,
      input: input, environment: variables, inherits: false)
  }
}
