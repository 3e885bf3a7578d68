import ArgumentParser
import Testing

@testable import Commands

@Suite struct WordsTests {
  @Test(
    arguments: [
      ("", []), ("   \t ", []), ("prog list", ["prog", "list"]), ("  a\tb  ", ["a", "b"]),
      ("name 'a b' \"c d\"", ["name", "a b", "c d"]), ("a'b'\"c\"d", ["abcd"]), ("''", [""]),
      (#"a\ b \"c"#, ["a b", #""c"#]), (#""a\"b" "c\\d" "e\f""#, [#"a"b"#, #"c\d"#, #"e\f"#]),
      (#"'a\b'"#, [#"a\b"#]), ("a # b", ["a"]), ("# all", []), ("a#b", ["a#b"]),
      ("'#' x", ["#", "x"]),
      ("name lab_*", ["name", "lab_*"]),
    ] as [(String, [String])])
  func aLineIsSplitAsAShellDoes(line: String, words: [String]) throws {
    #expect(try Words.split(line) == words)
  }

  @Test(arguments: ["'a", "\"a", "a\\", "\"a'"])
  func whatDoesNotEndIsAMistake(line: String) {
    #expect(throws: UsageError.self) { try Words.split(line) }
  }

  // MARK: Options

  private func parse(_ line: String) throws -> any ParsableCommand {
    try Root.parseAsRoot(try Words.split(line))
  }

  @Test(arguments: [
    "-c :77 -k vmlinux -p prog list name x*", "prog list name x* -c :77 -k vmlinux -p",
    "prog -c :77 list -k vmlinux name x* --pretty",
    "--connect :77 --kernel vmlinux prog show -p name x*",
    "-c 127.0.0.1:99 prog list name x* -c :77 -k vmlinux -p",
  ])
  func optionsStandBeforeOrAfterTheCommand(line: String) throws {
    let command = try #require(try parse(line) as? ProgList)
    #expect(command.selected.words == ["name", "x*"])
    #expect(try command.session.address == .stub(.tcp(host: "", port: 77)))
    #expect(command.session.kernel == "vmlinux")
    #expect(command.output.pretty && !command.output.json)
  }

  @Test func whatIsNotSaidHasItsDefault() throws {
    let command = try #require(try parse("prog stats") as? ProgStats)
    #expect(try command.session.address == .stub(.tcp(host: "", port: 1234)))
    #expect((command.session.maxPause, command.session.timeout) == (2, 5))
    #expect(!command.session.hold && !command.session.leaveStopped && !command.session.trace)
    #expect(try parse("prog") is ProgList)
  }

  @Test(arguments: [
    "frobnicate", "prog list id", "prog list id x", "prog list id -1", "prog list colour red",
    "prog list id 5,", "map list id 5,x", "prog list id 5 name", "read a 4 --as x8",
    "pread 0 3 --as x4", "print struct task_struct", "print enum e 0 ..",
    "prog stats id x", "prog verifier colour x", "--max-pause 0 info", "--max-pause nan info",
    "--max-pause 1e14 info", "--max-pause inf info", "--max-pause -1 info", "--timeout 1e300 info",
    "--timeout 0 info", "--timeout x info", "-c nowhere info", "info extra",
  ])
  func wrongWordsAreUsageErrors(line: String) throws {
    let error = #expect(throws: (any Error).self) { try parse(line) }
    #expect(Root.exitCode(for: try #require(error)).rawValue == Status.usage)
  }

  @Test(arguments: ["--help", "prog --help", "prog list --help", "help prog"])
  func helpIsNoGuestCommand(line: String) throws {
    #expect(!(try parse(line) is any GuestCommand))
  }
}
