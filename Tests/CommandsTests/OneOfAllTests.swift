import Foundation
import TestSupport
import Testing

@testable import Commands

/// A process that asks one guest of `-c all`.
@Suite struct OneOfAllTests {
  private let one = OneOfAll(parent: 10, pid: 77, columns: 80, name: "a b")

  @Test func theEnvironmentSaysWhichOne() {
    let parts = one.assignment.split(separator: "=", maxSplits: 1).map(String.init)
    #expect(parts[0] == OneOfAll.variable)
    #expect(OneOfAll(variable: parts[1]) == one)
    for wrong in ["", "1 2 3", "x 2 3 name", "1 x 3 name", "1 2 x name"] {
      #expect(OneOfAll(variable: wrong) == nil, "\(wrong)")
    }
  }

  @Test(arguments: [
    ("/x/guests.prom", "/x/guests.a b.prom"), ("guests", "guests.a b"),
    ("/x.y/guests", "/x.y/guests.a b"), (".hidden", ".hidden.a b"),
  ])
  func aFileOfItsOwn(path: String, file: String) throws {
    #expect(try one.file(path) == file)
    #expect(throws: UsageError.self) { try one.file("-") }
  }

  @Test func aFolderOfItsOwn() {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("one-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(one.folder(in: path) == path + "/a b")
    #expect(FileManager.default.fileExists(atPath: path))
    for name in ["..", "a/b", ""] {
      let other = OneOfAll(parent: 1, pid: 9, columns: 0, name: name)
      #expect(other.folder(in: path) == path + "/pid-9")
    }
  }

  private func run(_ arguments: [String]) throws -> BuiltProgram.Outcome {
    let own = OneOfAll(parent: getpid(), pid: 1 << 30, columns: 0, name: "web")
    let value = own.assignment.split(separator: "=", maxSplits: 1)[1]
    return try BuiltProgram.run(arguments, [OneOfAll.variable: String(value)])
  }

  @Test func itAsksThatGuestAndSaysWhichOneItIs() throws {
    let result = try run(["-c", "all", "info"])
    #expect(result.status == 1)
    #expect(result.err.hasPrefix("guestscope: web: there is no guest with pid"), "\(result.err)")
    let batch = try run(["-c", "all", "-e", "info"])
    #expect(batch.err.hasPrefix("web: -e:1: there is no guest with pid"), "\(batch.err)")
  }

  @Test(arguments: ["help > /tmp/x", "help | cat", "!true"])
  func aLineGoesNowhereElse(line: String) throws {
    let result = try run(["-c", "all", "-e", line])
    #expect(result.status == 64)
    #expect(result.err.contains("neither piped nor redirected"), "\(result.err)")
  }

  @Test func whatDoesNotEndIsNotPartOfABatch() throws {
    for line in ["watch info", "prog watch", "dmesg --follow"] {
      let result = try run(["-c", "all", "-e", line])
      #expect(result.status == 64 && result.err.contains("stands alone"), "\(result.err)")
    }
  }

  /// When the process that asks all guests is killed, those that it has started end as well.
  @Test func itEndsWithTheProcessThatCollects() throws {
    let script = #"""
      export GUESTSCOPE_ONE_OF_ALL="$$ 1 0 web"
      "$0" -c unix:/no/such/socket --wait 0 info >/dev/null 2>&1 &
      echo $!
      sleep 1
      kill -9 $$
      """#
    let outcome = try ChildProcess.run("/bin/sh", ["-c", script, BuiltProgram.path])
    let child = try #require(Int32(outcome.out.trimmingCharacters(in: .whitespacesAndNewlines)))
    let end = ContinuousClock.now + .seconds(20)
    while kill(child, 0) == 0, !isZombie(child), ContinuousClock.now < end { usleep(20_000) }
    #expect(kill(child, 0) != 0 || isZombie(child))
  }

  /// Nobody may have waited for it yet.
  private func isZombie(_ pid: Int32) -> Bool {
    let stat = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
    return stat.contains(") Z ")
  }
}
