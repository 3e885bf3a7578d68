import Testing

@testable import Commands

@Suite struct CommandCheckTests {
  @Test(
    arguments: [
      "", "info", "prog", "prog list", "prog show id 5", "prog id 5", "prog -j", "prog type x",
      "-j", "-c :1 -k prog info", "--trace --timeout 3 prog stats", "help", "help prog list",
      "help help", "read info 8", "-e info -e fly", "-j -f fly", "--version", "exit",
    ])
  func commandsAre(line: String) throws { try Root.checkCommand(try Words.split(line)) }

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
}
