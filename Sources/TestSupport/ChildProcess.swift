import Foundation

/// A child process whose streams are files: one that nobody reads from must not block.
///
/// By hand, for `Process.waitUntilExit()` of Foundation on Linux has been seen to wait for ever
/// for a child that had ended.
public final class ChildProcess {
  public let identifier: pid_t
  private var status: Int32?
  private let folder: URL

  /// - Parameters:
  ///   - environment: added to this process's own, and wins over that.
  ///   - inherits: false where it is all of the child's environment.
  public init(
    _ path: String, _ arguments: [String], input: String = "",
    environment: [String: String] = [:], inherits: Bool = true
  ) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    self.folder = folder
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let files = ["in", "out", "err"].map { folder.appendingPathComponent($0).path }
    try input.write(toFile: files[0], atomically: false, encoding: .utf8)

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    closeOthers(&actions)
    for (number, file) in files.enumerated() {
      let flags = number == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC
      posix_spawn_file_actions_addopen(&actions, Int32(number), file, flags, 0o600)
    }
    // Signals that the test runner blocks or ignores are the child's own again.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    // A child is built with the sanitizer that its tests are built with.
    let own = ProcessInfo.processInfo.environment.filter {
      inherits || $0.key.hasSuffix("SAN_OPTIONS")
    }
    var variables: [UnsafeMutablePointer<CChar>?] =
      own.merging(environment) { $1 }.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for variable in variables { free(variable) } }
    var identifier: pid_t = 0
    let code = posix_spawn(&identifier, path, &actions, &attributes, &words, &variables)
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .ENOENT) }
    self.identifier = identifier
  }

  deinit {
    if status == nil {
      kill(identifier, SIGKILL)
      _ = wait()
    }
    try? FileManager.default.removeItem(at: folder)
  }

  /// What it has written so far.
  public var out: String { text("out") }
  /// Without a notice that says that this machine is busy: each answer is a long way off then.
  public var err: String {
    text("err").split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !($0.contains(": the way to ") && $0.contains("--max-pause")) }
      .joined(separator: "\n")
  }

  private func text(_ name: String) -> String {
    (try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)) ?? ""
  }

  /// Looks without waiting.
  public var isRunning: Bool {
    // What there is to wait for is left there.
    var info = siginfo_t()
    return status == nil
      && waitid(P_PID, id_t(identifier), &info, WEXITED | WNOHANG | WNOWAIT) == 0
      && info._sifields._sigchld.si_pid == 0
  }

  /// Waits for its end and returns its exit status, or 128 and the signal that ended it.
  public func wait() -> Int32 {
    if let status { return status }
    var raw: Int32 = 0
    while waitpid(identifier, &raw, 0) < 0, errno == EINTR {}
    let ended = raw & 0x7f == 0 ? raw >> 8 & 0xff : 128 + raw & 0x7f
    status = ended
    return ended
  }

  /// What a child that has ended leaves.
  public struct Outcome {
    public var status: Int32
    public var out: String
    public var err: String

    public func json() throws -> Any {
      try JSONSerialization.jsonObject(with: Data(out.utf8), options: .fragmentsAllowed)
    }

    public func objects() throws -> [[String: Any]] { try json() as? [[String: Any]] ?? [] }
  }

  /// Waits for its end.
  public func outcome() -> Outcome {
    let status = wait()
    return Outcome(status: status, out: out, err: err)
  }

  /// Runs a program from its start to its end.
  public static func run(
    _ path: String, _ arguments: [String], input: String = "",
    environment: [String: String] = [:], inherits: Bool = true
  ) throws -> Outcome {
    try ChildProcess(
      path, arguments, input: input, environment: environment, inherits: inherits
    ).outcome()
  }
}

/// A child has nothing of what its tests have open: a client of QEMU that another test lets go of must be gone.
public func closeOthers(_ actions: inout posix_spawn_file_actions_t) {
  for descriptor in STDERR_FILENO + 1..<1024 {
    posix_spawn_file_actions_addclose(&actions, descriptor)
  }
}
