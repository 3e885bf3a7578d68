import GuestScopeGDBStub
import LineEditing
import Testing

@testable import Commands

/// What Tab offers where no guest is needed; Tests/LiveTests/PromptTests.swift has the rest.
@Suite struct CompleterTests {
  /// A session that never connects: its kernel file does not exist.
  private let completer: PromptCompleter

  init() throws {
    let root = try #require(
      try Root.parse(words: ["-c", "unix:/no/such/socket", "-k", "/no/such/kernel"]) as? Root)
    completer = PromptCompleter(
      session: Session(root.session, console: Console(), debt: ResumeDebt()))
  }

  @Test(
    arguments: [
      ("", "pr", ["pread", "print", "prog"]), ("  ", "tr", ["translate"]), ("", "x", []),
      ("-j ", "tr", ["translate"]), ("help ", "tr", ["translate"]), ("", "hel", ["help"]),
      ("prog ", "s", ["show", "stats"]),
      ("prog ", "", ["dump", "list", "show", "stats", "verifier", "watch", "id", "name", "type"]),
      ("map ", "", ["dump", "list", "lookup", "show", "id", "name", "type"]),
      ("map show id 5 ", "n", ["name"]), ("map dump ", "", ["id", "name"]),
      ("map lookup ", "", ["id"]), ("map lookup id 5 ", "", ["key"]),
      ("help prog ", "ver", ["verifier"]), ("prog list ", "n", ["name"]),
      ("prog list id 5 ", "t", ["type"]), ("prog stats ", "", ["id", "name", "type"]),
      ("read init_task 8 -t ", "x", ["x8", "x4"]), ("read --as ", "s", ["string"]),
      ("read init_task 8 ", "--a", ["--as"]), ("prog stats ", "--per", ["--per-cpu"]),
      ("", "--pre", ["--pretty"]), ("", "--conn", []), ("type ", "str", ["struct"]),
      ("print '", "str", ["struct"]), ("info ", "x", []), ("'open ", "pr", []),
      ("prog list id 5 id 7 ", "", ["id", "name", "type"]), ("prog stats id 5 ", "n", ["name"]),
      ("prog verifier ", "--i", ["--ids"]),
      ("prog list --sort ", "verif", ["verified_insns"]), ("map list --columns ", "i", ["id"]),
      ("prog stats --sort ", "c", ["cnt"]), ("print task_struct init_task .mm ", ".", []),
      ("print struct task_struct ", "", []),
    ])
  func wordsOfALine(before: String, word: String, offered: [String]) {
    #expect(completer.completion(before, word) == .words(offered))
  }

  @Test func whatHasNoWordsOfItsOwn() {
    #expect(completer.completion("source ", "a") == .files)
    #expect(completer.completion("source a ", "b") == .words([]))
    #expect(completer.completion("print task_struct init_task ", "") == .stems([]))
    #expect(completer.completion("print struct task_struct init_task ", "") == .stems([]))
    // A guest that is not there has no symbols, and no error tears the line.
    #expect(completer.completion("sym ", "init_t") == .words([]))
    #expect(completer.completion("regs ", "") == .words([]))
  }
}
