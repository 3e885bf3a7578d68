import Foundation
import TestSupport

/// The program under test, as a user runs it.
struct Program {
  /// The release build if there is one to test (a kernel is read ten times as fast), or else the
  /// program next to the test bundle.
  static let path: String = {
    if let path = ProcessInfo.processInfo.environment["GUESTSCOPE_PROGRAM"] { return path }
    let bundle = URL(fileURLWithPath: CommandLine.arguments[0])
    return bundle.deletingLastPathComponent().appendingPathComponent("guestscope").path
  }()

  var arguments: [String]
  /// Added to this process's own.
  var environment: [String: String] = [:]

  init(_ arguments: [String], environment: [String: String] = [:]) {
    (self.arguments, self.environment) = (arguments, environment)
  }

  /// On a live guest, with its kernel.
  init(_ guest: LiveGuest, _ arguments: [String]) {
    self.arguments = ["-c", guest.target, "-k", guest.kernel] + arguments
  }

  /// On a live guest, with nothing but its port: what an earlier run knew of it does not count.
  init(portOf guest: LiveGuest, _ arguments: [String]) {
    self.arguments = ["-c", guest.target, "--no-cache"] + arguments
  }

  func run(input: String = "") throws -> ChildProcess.Outcome {
    try start(input: input).outcome()
  }

  /// Starts the program and returns while it runs.
  func start(input: String = "") throws -> ChildProcess {
    try ChildProcess(Self.path, arguments, input: input, environment: environment)
  }
}

/// Runs a test with a cache of its own, which is empty at first.
///
/// - Parameter body: is given the environment in which the program uses it.
func withCache<T>(_ body: ([String: String]) throws -> T) throws -> T {
  let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("gs-cache-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(["XDG_CACHE_HOME": folder.path])
}
