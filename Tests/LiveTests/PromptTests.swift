import Foundation
import TestSupport
import Testing

extension LiveTests {
  /// The prompt as a user has it: the program on a terminal, a real guest.
  @Suite(.timeLimit(.minutes(5))) final class PromptTests {
    private let guest = LiveGuest("x86-6.1")
    /// Where the program keeps its history.
    private let state: TemporaryFolder

    init() throws { state = try TemporaryFolder() }

    private static let prompt = PseudoTerminal.prompt
    private static let held = "guestscope (held)> "

    /// The program at a prompt that has not come yet.
    private func start(
      _ options: [String] = [], target: String? = nil, environment: [String: String] = [:]
    ) throws -> PseudoTerminal {
      try PseudoTerminal(
        Program.path, ["-c", target ?? guest.target, "-k", guest.kernel] + options,
        environment: environment.merging(["XDG_STATE_HOME": state.path]) { $1 })
    }

    /// The program at its first prompt.
    private func open(_ options: [String] = []) throws -> PseudoTerminal {
      let terminal = try start(options)
      try terminal.expect(Self.prompt)
      return terminal
    }

    private func leave(_ terminal: PseudoTerminal) throws {
      try terminal.press(.end)
      #expect(try terminal.wait() == 0)
      #expect(try guest.qmp.runs)
    }

    private func symbol(_ name: String) throws -> String {
      let kernel = try #require(try guest.truth("kernel").first)
      let symbols = try #require(kernel["symbols"] as? [String: String])
      return String(try #require(symbols[name]).dropFirst(2))
    }

    // MARK: Lines

    @Test func theFirstScreenIsShortAndSaysWhereOneIs() throws {
      let terminal = try start()
      let screen = try terminal.expect(Self.prompt)
      let release = try #require(try guest.truth("kernel").first?["release"] as? String)
      // What was said while the kernel was read has made room.
      let lines = screen.split(separator: "\n")
      #expect(lines.count <= 2, "\(screen)")
      #expect(screen.contains("Linux \(release)"))
      #expect(screen.contains("2 CPUs, running"))
      #expect(screen.contains("help"))
      #expect(screen.contains("the guest runs meanwhile"))
      #expect(lines.allSatisfy { ($0.split(separator: "…").last ?? $0).count < 80 }, "\(screen)")
      try leave(terminal)
    }

    @Test func theFirstScreenOfAHeldGuestDoesNotSayThatItRuns() throws {
      let terminal = try start(["--hold"])
      let screen = try terminal.expect(Self.held)
      #expect(screen.contains("2 CPUs, held") && !screen.contains("meanwhile"), "\(screen)")
      try leave(terminal)
    }

    @Test func withoutAPlaceForItThereIsNoPromptAndItIsSaid() throws {
      let program = [Program.path, "-c", guest.target, "-k", guest.kernel]
      let terminal = try PseudoTerminal(
        "/bin/sh", ["-c", #""$@" >/dev/null"#, "sh"] + program, environment: [:])
      try terminal.expect("no prompt")
      try terminal.type("fly\n")
      try terminal.expect("stdin:1: there is no command 'fly'")
      #expect(try terminal.wait() == 64)
    }

    @Test func linesAreAnsweredAndTheGuestRunsBetweenThem() throws {
      let terminal = try open()
      #expect(
        try terminal.answer("sym init_task") == "\(try symbol("init_task")) D init_task\n")
      #expect(try guest.qmp.runs)
      #expect(try terminal.answer("print task_struct init_task .comm") == "\"swapper/0\"\n")
      #expect(try terminal.answer("").isEmpty)
      #expect(try terminal.answer("# nothing").isEmpty)
      try terminal.enter("quit")
      #expect(try terminal.wait() == 0)
      #expect(try guest.qmp.runs)
    }

    @Test func mistakesAreNamedAndEndNothing() throws {
      let terminal = try open()
      for (line, words) in [
        ("frobnicate", "no command 'frobnicate'"), ("prog fly", "no command 'fly'"),
        ("help fly", "no command 'fly'"), ("read init_task", "usage: read <address> <length>"),
        ("sym no_such_symbol", "no symbol no_such_symbol"), ("'", "is not closed"),
        ("-c :1 info", "stands before"), ("read 0 8", "0x0 is not mapped"),
        ("sym é→漢", "no symbol é→漢"), ("resume", "not held"),
        ("prog list id 4000000", "no program"),
      ] {
        #expect(try terminal.answer(line).contains(words), "\(line)")
      }
      #expect(try terminal.answer("print task_struct init_task .pid") == "0\n")
      try leave(terminal)
    }

    @Test func controlCGivesALineUp() throws {
      let terminal = try open()
      try terminal.press(.interrupt)
      try terminal.expect("^C\n" + Self.prompt)
      // With the cursor in the middle of a line of several rows.
      try terminal.type("quit " + String(repeating: "x", count: 150) + "END")
      try terminal.expect("END")
      // Ctrl-C drops keys that were not read yet: that it was shows on the screen.
      try terminal.type(PseudoTerminal.Key.home.rawValue + "X")
      try terminal.expect("X")
      try terminal.press(.interrupt)
      // Down to the last row first.
      try terminal.expect("\n^C\n" + Self.prompt)
      #expect(try terminal.answer("print task_struct init_task .pid") == "0\n")
      try leave(terminal)
    }

    @Test func pastedLinesAreSoManyCommands() throws {
      let terminal = try open()
      try terminal.type("\u{1b}[200~print task_struct init_task .pid\nregs 77\n\u{1b}[201~")
      try terminal.press(.enter)
      try terminal.expect("\n0\nthe guest has no vCPU 77")
      try terminal.expect(Self.prompt)
      #expect(
        try terminal.answer("history 3").hasPrefix(
          "1  print task_struct init_task .pid\n2  regs 77"))
      try leave(terminal)
    }

    // MARK: History

    @Test func historyLastsOverSessions() throws {
      let first = try open()
      _ = try first.answer("sym init_task")
      _ = try first.answer("print task_struct init_task .pid")
      try leave(first)
      let second = try open()
      try second.press(.up)
      try second.expect("print task_struct init_task .pid")
      try second.press(.up)
      try second.expect("sym init_task")
      try second.press(.enter)
      try second.expect("\(try symbol("init_task")) D init_task\n" + Self.prompt)
      let lines = try second.answer("history").split(separator: "\n")
      #expect(
        lines == [
          "1  sym init_task", "2  print task_struct init_task .pid", "3  sym init_task",
          "4  history",
        ])
      try leave(second)
      let file = state.path(of: "guestscope/history")
      let attributes = try FileManager.default.attributesOfItem(atPath: file)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    // MARK: Completion

    @Test func tabCompletesEveryKindOfWord() throws {
      let script = state.path(of: "a-script.gs")
      try "info\n".write(toFile: script, atomically: false, encoding: .utf8)
      let last = try #require(try guest.truth("prog").compactMap { $0["id"] as? Int }.max())
      let terminal = try open()
      // What is typed before Tab, and what Tab adds.
      for (typed, added) in [
        ("tran", "slate "), ("prog ver", "ifier "), ("prog id 5 ty", "pe "),
        ("help transl", "ate "),
        ("-j prog verif", "ier "), ("prog stats --per", "-cpu "),
        ("prog list name reno_undo", "_cwnd "),
        ("prog stats type struct_o", "ps "), ("prog list name 'reno_rel", "ease' "),
        ("sym init_thread_u", "nion "), ("read -t str", "ing "),
        ("print struct task_str", "uct "), ("print struct task_struct init_thread_u", "nion "),
        ("print struct task_struct init_task .ex", "it_"),
        ("read -t x8 init_top_p", "gt "), ("read -j init_top_p", "gt "),
        ("type bpf_prog_au", "x "), ("type enum bpf_prog_ty", "pe "),
        ("type 'struct bpf_prog_au", "x' "), ("print task_struct init_task .ex", "it_"),
        ("print task_struct init_task .active_mm->start_co", "de"),
        ("print 'struct btf *' btf_vmlinux ->nam", "e"),
        ("print 'struct task_struct' init_task .active_mm.start_co", "de"),
        ("print task_struct init_task .pid,.active_mm->start_co", "de"),
        ("translate prog:\(last)", " "), ("source \(script.dropLast(5))", "pt.gs "),
      ] {
        try terminal.type(typed)
        try terminal.expect(typed)
        try terminal.press(.tab)
        // A word of its own behind it, for a screen does not show what is not there.
        try terminal.type("|")
        let shown = try terminal.expect("|")
        #expect(shown == added, "\(typed)")
        try terminal.press(.interrupt)
        try terminal.expect(Self.prompt)
      }
      // Twice: all there are, numbers in their order.
      for (typed, shown) in [
        ("pr", "pread  print  prog"), ("print rq runqueues@", "runqueues@0  runqueues@1"),
        ("print rq runqueues", "runqueues    runqueues@0  runqueues@1"),
        ("regs ", "0  1"), ("read -t x", "x8  x4"),
      ] {
        try terminal.type(typed)
        try terminal.expect(typed)
        try terminal.press(.tab)
        try terminal.press(.tab)
        try terminal.expect(shown)
        try terminal.expect(Self.prompt)
        try terminal.press(.interrupt)
        try terminal.expect(Self.prompt)
      }
      #expect(try guest.qmp.runs)
      try leave(terminal)
    }

    @Test func whatTabSaysDoesNotTearTheLine() throws {
      let terminal = try open(["--trace"])
      try terminal.type("prog list name reno_undo\t|")
      try terminal.expect("name reno_undo")
      #expect(try terminal.expect("|") == "_cwnd ")
      // Above the line, when nothing is typed.
      try terminal.expect("<- +$OK")
      try terminal.expect("prog list name reno_undo_cwnd |")
      try terminal.press(.interrupt)
      try terminal.expect(Self.prompt)
      try leave(terminal)
    }

    // MARK: Ctrl-C in a command

    @Test func controlCEndsACommandThatReads() throws {
      // Short stops make a long command.
      let terminal = try open(["--max-pause", "0.3"])
      try terminal.enter("read _text 0x1000000")
      // Only here, on a terminal, is it said how far it is.
      try terminal.expect("iB, the guest was stopped for ")
      try terminal.press(.interrupt)
      try terminal.expect("interrupted\n" + Self.prompt)
      #expect(try guest.qmp.runs)
      #expect(try terminal.answer("print task_struct init_task .pid") == "0\n")
      try leave(terminal)
    }

    @Test func controlCEndsACommandThatPrints() throws {
      let terminal = try open()
      try terminal.enter("sym *")
      // More than a terminal holds: it stands in the middle.
      try terminal.expect(" A fixed_percpu_data\n")
      try terminal.press(.interrupt)
      try terminal.expect("interrupted\n" + Self.prompt)
      #expect(try terminal.answer("print task_struct init_task .pid") == "0\n")
      try leave(terminal)
    }

    @Test func controlCDuringAHoldKeepsOrEndsItAndSaysSo() throws {
      let terminal = try open()
      try terminal.enter("hold")
      try terminal.expect(Self.held)
      try terminal.enter("sym *")
      try terminal.expect(" A fixed_percpu_data\n")
      try terminal.press(.interrupt)
      try terminal.expect("interrupted\n")
      try terminal.expect(Self.held)
      #expect(try guest.qmp.status == "paused")
      try leave(terminal)
    }

    // MARK: Hold

    @Test func holdLastsUntilResumeAndThePromptShowsIt() throws {
      let terminal = try open()
      try terminal.enter("hold")
      try terminal.expect("the guest is held\n" + Self.held)
      #expect(try guest.qmp.status == "paused")
      try terminal.enter("regs 0")
      let first = try terminal.expect(Self.held)
      try terminal.enter("regs 0")
      #expect(try terminal.expect(Self.held) == first)
      #expect(try guest.qmp.status == "paused")
      try terminal.enter("resume")
      try terminal.expect("the guest is running\n" + Self.prompt)
      #expect(try guest.qmp.runs)
      try leave(terminal)
    }

    enum Departure: CaseIterable {
      case end, quit, controlBackslash, terminated, interrupted, windowClosed
    }

    @Test(arguments: Departure.allCases)
    func leavingDuringAHoldLetsTheGuestGoOn(departure: Departure) throws {
      let terminal = try open()
      try terminal.enter("hold")
      try terminal.expect(Self.held)
      #expect(try guest.qmp.status == "paused")
      switch departure {
      case .end: try terminal.press(.end)
      case .quit: try terminal.enter("quit")
      case .controlBackslash: try terminal.press(.quit)
      case .terminated: kill(terminal.identifier, SIGTERM)
      case .interrupted:
        // At a prompt it is only Ctrl-C.
        kill(terminal.identifier, SIGINT)
        try terminal.expect("^C\n" + Self.held)
        try terminal.press(.end)
      case .windowClosed: terminal.hangUp()
      }
      let status: Int32 =
        switch departure {
        case .end, .quit, .interrupted: 0
        case .controlBackslash: 128 + SIGQUIT
        case .terminated: 128 + SIGTERM
        case .windowClosed: 128 + SIGHUP
        }
      #expect(try terminal.wait() == status)
      #expect(try guest.qmp.runs)
      // What marks a pasted text is off again, and the shell's prompt begins a line.
      guard departure != .windowClosed else { return }
      let end = terminal.raw.components(separatedBy: "\u{1b}[?2004h").last ?? ""
      #expect(end.contains("\u{1b}[?2004l") && end.last?.isNewline == true)
    }

    @Test func helpOfHoldNamesTheOneWayToLeaveTheGuestStopped() throws {
      let terminal = try open()
      #expect(try terminal.answer("help hold").contains("kill -9"))
      try leave(terminal)
    }

    // MARK: A stub that goes and comes

    @Test func aLostStubIsNoticedAndFoundAgain() throws {
      var qemu: PlainQEMU? = try PlainQEMU()
      let port = try #require(qemu?.port)
      let terminal = try start(target: ":\(port)")
      // In firmware there is no kernel to find, and a prompt all the same.
      try terminal.expect("firmware")
      try terminal.expect(Self.prompt)
      try terminal.type("inf")
      try terminal.expect("inf")
      qemu = nil
      try terminal.expect("nothing listens at 127.0.0.1:\(port) any more: ")
      // What was typed is still there.
      try terminal.expect("guestscope (no guest)> inf")
      try terminal.enter("o")
      try terminal.expect("nothing listens")
      try terminal.expect("guestscope (no guest)> ")
      var again: PlainQEMU? = try PlainQEMU(port: port)
      try terminal.expect("127.0.0.1:\(port) is back: running\n" + Self.prompt)
      try terminal.enter("info")
      try terminal.expect("run_state")
      try terminal.expect(Self.prompt)
      // Nothing holds a guest that is gone.
      try terminal.enter("hold")
      try terminal.expect(Self.held)
      #expect(try again?.qmp.status == "paused")
      again = nil
      try terminal.expect("nothing listens at 127.0.0.1:\(port) any more")
      try terminal.expect("guestscope (no guest)> ")
      let last = try PlainQEMU(port: port)
      try terminal.expect("is back: running\n" + Self.prompt)
      try terminal.press(.end)
      #expect(try terminal.wait() == 0)
      #expect(try last.qmp.runs)
    }

    // MARK: Terminals

    @Test(arguments: [[:], ["NO_COLOR": "1"], ["TERM": "dumb"]])
    func coloursAreForTerminalsThatWantThem(environment: [String: String]) throws {
      let terminal = try start(environment: environment)
      try terminal.expect(Self.prompt)
      try leave(terminal)
      #expect(terminal.raw.contains("\u{1b}[1;32m") == environment.isEmpty)
      #expect(!environment.keys.contains("TERM") || !terminal.raw.contains("\u{1b}["))
    }

    @Test func progressIsForTerminals() throws {
      let terminal = try open()
      try leave(terminal)
      #expect(terminal.raw.contains("reading \(guest.kernel)…"))
      let piped = try Program(guest, ["--max-pause", "0.3", "read", "_text", "0x400000"]).run()
      #expect(piped.status == 0)
      #expect(piped.err == "")
      #expect(!piped.out.contains("\u{1b}"))
    }
  }
}
