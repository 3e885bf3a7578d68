import Foundation
import TestSupport
import Testing

extension LiveTests {
  /// Pipes, files, the pager and the shell at the prompt.
  @Suite(.timeLimit(.minutes(5))) struct PromptShellTests {
    private let guest = LiveGuest("x86-6.1")
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let prompt = PseudoTerminal.prompt
    private static let pid = "print task_struct init_task .pid"

    private func open(
      _ environment: [String: String] = [:], absent: Set<String> = []
    ) throws -> PseudoTerminal {
      let terminal = try PseudoTerminal(
        Program.path, ["-c", guest.target, "-k", guest.kernel],
        environment: environment.merging(["XDG_STATE_HOME": folder.path]) { $1 }, absent: absent,
        // No line that is typed has several rows.
        columns: 200)
      try terminal.expect(Self.prompt)
      return terminal
    }

    private func leave(_ terminal: PseudoTerminal) throws {
      #expect(try terminal.answer(Self.pid) == "0\n")
      #expect(try guest.qmp.runs)
      try terminal.press(.end)
      #expect(try terminal.wait() == 0)
    }

    private func symbols() throws -> String {
      let all = try Program(guest, ["sym", "*"]).run()
      return "\(all.out.split(separator: "\n").count)"
    }

    @Test func anAnswerGoesThroughTheShell() throws {
      let terminal = try open()
      #expect(try terminal.answer("sym * | wc -l") == (try symbols()) + "\n")
      // Who wants no more is no error, nor is a program that finds nothing.
      #expect(try terminal.answer("sym * | head -1").split(separator: "\n").count == 1)
      #expect(try terminal.answer("info | grep -c nowhere") == "0\n")
      #expect(try terminal.answer("sym 'init_task' | sed 's/.* //;s/$/;/'") == "init_task;\n")
      #expect(try terminal.answer("! echo 'a;  b' | tr a c") == "c;  b\n")
      #expect(try terminal.answer("sym nothing_at_all | wc -l").contains("no symbol"))
      try leave(terminal)
    }

    @Test func severalCommandsStandInALine() throws {
      let terminal = try open()
      let lines = try terminal.answer(
        "\(Self.pid); fly ;regs 77;p task_struct init_task .comm # x; y"
      ).split(separator: "\n")
      #expect(lines.count == 4)
      #expect(lines.first == "0" && lines.last == "\"swapper/0\"", "\(lines)")
      #expect(lines.contains("there is no command 'fly': help lists the commands"))
      try terminal.enter("hold; \(Self.pid); quit; info")
      try terminal.expect("the guest is held\n0\n")
      #expect(try terminal.wait() == 0)
      #expect(try guest.qmp.runs)
    }

    @Test func anAnswerGoesToAFile() throws {
      let terminal = try open()
      let file = folder.path(of: "a file")
      let text = { try String(contentsOfFile: file, encoding: .utf8) }
      #expect(try terminal.answer("\(Self.pid) > '\(file)'") == "")
      #expect(try text() == "0\n")
      #expect(try terminal.answer("\(Self.pid) >>'\(file)'; \(Self.pid)") == "0\n")
      #expect(try text() == "0\n0\n")
      #expect(try terminal.answer("prog list > '\(file)'") == "")
      // As wide as it is, and without colours.
      let list = try Program(guest, ["prog", "list"]).run()
      #expect(try text() == list.out)
      #expect(try terminal.answer("info > /no/such/folder/x").contains("/no/such/folder/x"))
      try leave(terminal)
    }

    @Test func aLongAnswerIsPagedAndTheGuestRunsMeanwhile() throws {
      let terminal = try open(["PAGER": "echo waiting; read x </dev/tty; wc -l"])
      // One that has room is not.
      #expect(try terminal.answer(Self.pid) == "0\n")
      try terminal.enter("sym *")
      try terminal.expect("waiting\n")
      #expect(try guest.qmp.runs)
      try terminal.press(.enter)
      try terminal.expect("\n" + (try symbols()) + "\n" + Self.prompt)
      // Notes come after it.
      try terminal.enter("help")
      try terminal.expect("waiting\n")
      try terminal.press(.enter)
      try terminal.expect(Self.prompt)
      try leave(terminal)
    }

    @Test func controlCInAPagerEndsNothingElse() throws {
      let terminal = try open(["PAGER": "echo waiting; exec sleep 1000"])
      for line in [
        "help", "sym *", "prog list -p; \(Self.pid)", "sym * | (echo waiting; sleep 1000)",
      ] {
        try terminal.enter(line)
        try terminal.expect("waiting\n")
        #expect(try guest.qmp.runs)
        try terminal.press(.interrupt)
        try terminal.expect(Self.prompt)
      }
      try leave(terminal)
    }

    @Test func lessIsThePagerOfThoseWhoNameNone() throws {
      let terminal = try open(absent: ["PAGER"])
      try terminal.enter("sym *")
      // Its own prompt.
      try terminal.expect("\n:")
      #expect(try guest.qmp.runs)
      try terminal.type("q")
      try terminal.expect(Self.prompt)
      try leave(terminal)
    }

    @Test(arguments: [["PAGER": ""], ["PAGER": "cat"], ["TERM": "dumb", "PAGER": "false"]])
    func whoWantsNoPagerHasNone(environment: [String: String]) throws {
      let terminal = try open(environment)
      #expect(try terminal.answer("help").split(separator: "\n").count > 30)
      try leave(terminal)
    }

    @Test func aPagerThatIsNotThereIsNamed() throws {
      let terminal = try open(["PAGER": "/no/such/pager -x"])
      #expect(try terminal.answer("help").contains("the shell cannot run '/no/such/pager -x'"))
      try leave(terminal)
    }

    @Test func aScriptHasTheSameLinesAndFailsWithTheirCommands() throws {
      func run(_ line: String) throws -> ChildProcess.Outcome {
        try Program(guest, ["-e", line, "-e", Self.pid]).run()
      }
      let sum = try run("\(Self.pid); \(Self.pid) | sed s/0/7/; echo x")
      #expect(sum.status == 0 && sum.out == "0\n7\nx\n0\n" && sum.err == "", "\(sum)")
      #expect(try run("\(Self.pid); !echo x; echo y").out == "0\nx\ny\n0\n")
      let failed = try run("\(Self.pid) | grep 1")
      #expect(failed.status == 1 && failed.out == "")
      #expect(failed.err == "-e:1: 'grep 1' has ended with status 1\n")
      let second = try run("fly; \(Self.pid)")
      #expect(second.status == 64 && second.out == "")
    }
  }
}
