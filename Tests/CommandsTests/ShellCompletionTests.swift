import Foundation
import GuestScopeGDBStub
import LineEditing
import TestSupport
import Testing

@testable import Commands

@Suite struct ShellCompletionTests {
  @Test(
    arguments: [
      ("guestscope ", [], ""), ("guestscope pr", [], "pr"),
      ("guestscope prog list id ", ["prog", "list", "id"], ""),
      ("A=1 B=c=d ./guestscope -c :77 pr", ["-c", ":77"], "pr"),
      ("guestscope print 'struct ta", ["print"], "struct ta"),
      ("guestscope print \"struct ta", ["print"], "struct ta"),
      ("guestscope -e 'prog list' ", ["-e", "prog list"], ""),
    ])
  func lineUpToTheCursor(line: String, words: [String], start: String) throws {
    let completion = try #require(ShellCompletion(["--complete-line", line]))
    #expect(completion.words == words)
    #expect(completion.start == start)
  }

  @Test func otherArgumentsAreAUsers() {
    #expect(ShellCompletion(["prog", "list"]) == nil)
    #expect(ShellCompletion(["--complete-line"]) == nil)
  }

  @Test(
    arguments: [
      ("", "pr", ["pread", "print", "prog"]), ("prog list ", "n", ["name"]),
      ("-c :77 -k vmlinux ", "tr", ["translate"]), ("-c :77 prog ", "s", ["show", "stats"]),
      ("prog ", "--pre", ["--pretty"]), ("prog stats ", "--per", ["--per-cpu"]),
      // What opens a session stands before the command or after it.
      ("", "--conn", ["--connect"]), ("prog stats ", "--conn", ["--connect"]),
      ("prog list ", "--ver", ["--version"]), ("-e ", "prog", []), ("--max-pause ", "", []),
      ("read init_task 8 -t ", "x", ["x8", "x4"]), ("", "--keep", ["--keep-going"]),
    ])
  func wordsWithoutAGuest(before: String, start: String, offered: [String]) throws {
    let session = Session(
      try SessionOptions.parse(["-c", "unix:/no/such/socket"]), console: Console(),
      debt: ResumeDebt())
    let completer = PromptCompleter(session: session, isForShell: true, asksGuest: false)
    let words = try Words.split(before)
    #expect(completer.completion(after: words, start) == .words(offered))
    #expect(completer.completion(after: words + ["-k"], "a") == .files)
    #expect(completer.completion(after: ["source"], "a") == .files)
    #expect(completer.completion(after: ["print", "task_struct", "init_task"], "") == .stems([]))
  }

  /// Names are the guest's, and a shell would run `$(reboot)`.
  @Test func wordsThatAShellWouldRunAreLeftOut() throws {
    func lines(_ line: String, _ words: [String]) throws -> String {
      try #require(ShellCompletion(["--complete-line", line])).lines(.words(words), without: ["a"])
    }
    let names = [
      "a", "tcp_v4.isra.0", "x$(reboot)", "y;z", "b c", "d`e`", "unix:/run/g.sock", "f\ng",
    ]
    #expect(try lines("guestscope sym ", names) == "tcp_v4.isra.0\nunix:/run/g.sock\n")
    #expect(try lines("guestscope print 'struct t", ["struct t", "x|"]) == "struct t\n")
  }

  // MARK: Scripts

  private func shell(
    _ name: String, _ script: String
  ) throws -> (status: Int32, output: [String]) {
    let outcome = try ChildProcess.run("/usr/bin/env", [name, "-c", script])
    return (
      outcome.status, (outcome.out + outcome.err).split(separator: "\n").map(String.init)
    )
  }

  /// The program beside the tests.
  private static let program = BuiltProgram.path

  /// What bash is given for a line whose last word it sees as `word`.
  private func bash(_ line: String, _ word: String) throws -> [String] {
    let script = """
      set -u
      compopt() { printf 'compopt %s\\n' "$*"; }
      source <('\(Self.program)' --generate-completion-script bash)
      COMP_LINE='\(line)' COMP_POINT=\(line.utf8.count)
      _guestscope '\(Self.program)' '\(word)' before
      printf '%s\\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"}
      """
    let result = try shell("bash", script)
    #expect(result.status == 0)
    return result.output
  }

  @Test func bashIsOfferedWhatTheProgramKnows() throws {
    let nowhere = "guestscope -c unix:/no/such "
    #expect(try bash(nowhere + "tr", "tr") == ["translate"])
    #expect(try bash(nowhere + "prog list ", "") == ["id", "name", "type"])
    #expect(try bash(nowhere + "prog list id ", "") == [])
    #expect(try bash("guestscope -k ", "") == ["compopt -o default"])
    #expect(try bash(nowhere + "print task_struct init_task ", "") == ["compopt -o nospace"])
    // Bash has the word end at the colon, and what is before it stays in the line.
    #expect(try bash("guestscope -c unix:/no/such/a:--sta", "--sta") == [])
    // An option without its value is completed, not refused.
    #expect(try bash("guestscope -c", "-c") == ["-c"])
  }

  @Test func scriptsAreForTheShellsThatThereAre() throws {
    for name in ["bash", "zsh", "fish"] {
      let script = try #require(try CompletionScript(["--generate-completion-script", name]))
      #expect(script.text.contains("--complete-line"))
      #expect(script.text.hasSuffix("\n"))
      #expect(
        try CompletionScript(["--generate-completion-script=\(name)"])?.text == script.text)
    }
    #expect(throws: UsageError.self) {
      try CompletionScript(["--generate-completion-script", "tcsh"])
    }
    #expect(try CompletionScript(["prog", "list"]) == nil)
  }
}
