import Testing

@testable import Commands

@Suite struct CommandCheckTests {
  @Test(
    arguments: [
      "", "info", "prog", "prog list", "prog show id 5", "prog id 5", "prog -j", "prog type x",
      "-j", "-c :1 -k prog info", "--trace --timeout 3 prog stats", "help", "help prog list",
      "help help", "read info 8", "-e info -e fly", "-j -f fly", "--version", "exit",
    ])
  func commandsAre(line: String) throws { try CommandWords(try Words.split(line)).check() }

  @Test(
    arguments: [
      ("fly", "no command 'fly': help"), ("prog fly", "prog has no command 'fly': it has list"),
      ("help fly", "no command 'fly'"), ("help prog fly", "no command 'fly'"),
      ("-c :1 -k info fly", "no command 'fly'"), ("-j fly", "no command 'fly'"),
      ("help prog id", "no command 'id'"), ("--hold :1 info", "no command ':1'"),
      ("-j help fly", "no command 'fly'"), ("-pc :1 help fly", "no command 'fly'"),
      ("--connect=:1 fly", "no command 'fly'"),
    ])
  func othersAreRefused(line: String, words: String) {
    let error = #expect(throws: UsageError.self) {
      _ = try Root.parse(words: try Words.split(line))
    }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test(
    arguments: [
      ("-c nowhere -j info", .json), ("-pc :1 fly", .pretty), ("prog fly --pretty", .pretty),
      ("prog list id x -j", .json), ("read x -jt fly", .json), ("--timeout x info -j", .json),
      ("-j -k", .json), ("info", nil), ("prog list -- -j", nil), ("-e '-j info' -x", nil),
      ("print a b .p", nil), ("-x -p", .pretty),
    ] as [(String, OutputForm?)])
  func theFormIsKnownOfLinesThatAreWrong(line: String, form: OutputForm?) throws {
    #expect(CommandWords.form(of: try Words.split(line)) == form)
  }

  @Test(
    arguments: [
      ("read x", "read <address> <length> [--as <format>]"),
      ("-j -c :1 prog 5", "prog list [id <n> | name <glob> | type <type>] ..."),
      ("map show -p x", "map list [id <n> | name <glob> | type <type>] ..."),
      ("source", "source <file> [--keep-going]"), ("fly", nil),
      ("-j", nil),
      ("--timeout x read", nil),
    ] as [(String, String?)])
  func theUsageIsThatOfTheCommand(line: String, usage: String?) throws {
    #expect(CommandWords(try Words.split(line)).usage == usage)
  }
}
