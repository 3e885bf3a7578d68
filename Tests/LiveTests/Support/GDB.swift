import Foundation
import TestSupport
import Testing

/// The other debugger, over the same stub.
enum GDB {
  static let path = "/usr/bin/gdb"
  static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: path) }
  static let absence: Comment = "no \(path): scripts/setup installs it"

  /// Runs commands, and lets the guest go on in the end, as gdb's `detach` does.
  ///
  /// - Returns: what each printed, in order.
  static func run(_ target: String, _ commands: [String]) throws -> [String] {
    let address = target.hasPrefix("unix:") ? String(target.dropFirst("unix:".count)) : target
    let divider = "-- next --"
    var words = [
      "-nx", "-batch", "-ex", "set architecture i386:x86-64", "-ex", "set pagination off",
    ]
    words += ["-ex", "target remote \(address)"]
    for command in commands { words += ["-ex", "echo \(divider)\\n", "-ex", command] }
    // Never `kill`: it would end QEMU.
    words += ["-ex", "echo \(divider)\\n", "-ex", "detach"]
    let child = try ChildProcess(path, words)
    #expect(child.wait() == 0, "\(child.err)")
    let parts = child.out.components(separatedBy: divider + "\n")
    try #require(parts.count == commands.count + 2, "\(child.out)\(child.err)")
    return Array(parts[1...commands.count])
  }

  /// Attaches, and dies without letting the guest go on.
  static func attachAndDie(_ target: String) throws {
    let child = try attached(target, for: 60)
    kill(child.identifier, SIGKILL)
    _ = child.wait()
  }

  /// A process that has attached, and detaches after some seconds.
  static func attached(_ target: String, for seconds: Double) throws -> ChildProcess {
    let child = try ChildProcess(
      path,
      [
        "-nx", "-batch", "-ex", "set architecture i386:x86-64", "-ex", "target remote \(target)",
        "-ex", "echo attached\\n", "-ex", "python import time; time.sleep(\(seconds))", "-ex",
        "detach",
      ])
    while child.isRunning, !child.out.contains("attached") { usleep(10_000) }
    return child
  }

  /// The words of memory that `x/Ngx` printed: behind `ADDRESS:`, two a line.
  static func words(_ text: String) -> [UInt64] {
    text.split(separator: "\n").flatMap { line in
      line.split(separator: ":").last?.split(whereSeparator: \.isWhitespace) ?? []
    }.compactMap { UInt64($0.dropFirst(2), radix: 16) }
  }
}

/// The comparisons with other programs must run where tests must: a CI without these has failed.
@Test func theProgramsThatWeAreComparedWithAreThereInCI() {
  guard ProcessInfo.processInfo.environment["CI"] != nil else { return }
  #expect(GDB.isInstalled, GDB.absence)
  for path in [LiveTests.MachineCodeTests.assembler, LiveTests.TypeDumpTests.compiler] {
    #expect(FileManager.default.isExecutableFile(atPath: path), "\(path) is missing")
  }
}
