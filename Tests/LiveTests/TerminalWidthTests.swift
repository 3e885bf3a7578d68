import Foundation
import Testing

extension LiveTests {
  /// Lists on terminals: as wide as there is room, in colours.
  @Suite(.timeLimit(.minutes(5))) struct TerminalWidthTests {
    private let guest = LiveGuest("x86-6.1")

    /// What a command shows on a terminal of its own.
    private func screen(
      _ words: [String], _ columns: UInt16, _ environment: [String: String] = [:]
    ) throws -> PseudoTerminal {
      let terminal = try PseudoTerminal(
        Program.path, ["-c", guest.target, "-k", guest.kernel] + words, environment: environment,
        columns: columns)
      #expect(try terminal.wait() == 0)
      #expect(try guest.qmp.runs)
      return terminal
    }

    @Test(
      arguments: [
        "prog list", "map list", "link list", "btf list", "task list", "module list", "runqueue",
        "prog verifier type all --ids", "perf list",
      ], [80, 40] as [UInt16])
    func noLineOfAListIsWiderThanTheTerminal(command: String, columns: UInt16) throws {
      let words = command.split(separator: " ").map(String.init)
      let piped = try Program(guest, words).run().out
      let terminal = try screen(words, columns)
      let all = terminal.raw.split(separator: "\r\n").map(String.init)
      let notes = all.filter { $0.contains("no room for ") }
      // Notes are as long as they are.
      let shown = all.filter { !$0.contains("guestscope: ") }.map { line in
        line.replacing(#/\u{1b}\[[0-9;]*[mK]/#, with: "").split(separator: "\r").last ?? ""
      }
      #expect(shown.allSatisfy { $0.count <= Int(columns) }, "\(shown)")
      let isCut = piped.split(separator: "\n").contains { $0.count > Int(columns) }
      #expect(notes.isEmpty || isCut)
      #expect(notes.allSatisfy { $0.contains("--wide") })
      // Everything has its line all the same; threads of the kernel come and go.
      let difference = abs(shown.count - piped.split(separator: "\n").count)
      #expect(difference <= (command == "task list" ? 5 : 0))
    }

    @Test func allColumnsAreThereForWhoWantsThem() throws {
      let piped = try Program(guest, ["prog", "list"]).run().out
      for words in [["prog", "list", "--wide"], ["--wide", "prog", "list"]] {
        let terminal = try screen(words, 40)
        #expect(terminal.text.contains(piped))
      }
      // A terminal that has the room needs no option.
      #expect(try screen(["prog", "list"], 500).text.contains(piped))
      #expect(try screen(["prog", "list"], 40, ["COLUMNS": "500"]).text.contains(piped))
      #expect(try screen(["prog", "list"], 500, ["COLUMNS": "40"]).text.contains("--wide"))
      let chosen = try screen(
        ["prog", "list", "--columns", "uid,id", "--sort", "id", "--limit", "2"], 40)
      let lines = chosen.text.split(separator: "\n")
      // What was said while the kernel was read stands before it, and has made room.
      #expect(try #require(lines.first).hasSuffix("UID  ID"))
      #expect(lines.filter { !$0.contains("guestscope: ") }.count == 3, "\(lines)")
    }

    @Test func coloursAreOnTerminalsThatWantThem() throws {
      let name = "\u{1b}[36mreno_init\u{1b}[0m"
      let words = ["prog", "list", "name", "reno_init"]
      #expect(try screen(words, 200).raw.contains(name))
      for environment in [["NO_COLOR": "1"], ["TERM": "dumb"]] {
        let raw = try screen(words, 200, environment).raw
        #expect(raw.contains("reno_init") && !raw.contains("m" + "reno_init"))
      }
      #expect(try !Program(guest, words).run().out.contains("\u{1b}"))
    }

    @Test func aListIsSortedAndCutInEveryForm() throws {
      let all = try Program(guest, ["-j", "prog", "list"]).run().objects()
      let runs = all.compactMap { $0["run_cnt"] as? Int }.sorted(by: >)
      let result = try Program(
        guest, ["-j", "prog", "list", "--sort", "-run_cnt", "--limit", "3"]
      ).run()
      #expect(result.status == 0, "\(result.err)")
      #expect(try result.objects().compactMap { $0["run_cnt"] as? Int } == Array(runs.prefix(3)))
      let names = try Program(guest, ["map", "list", "--sort", "name", "--columns", "name"]).run()
      let sorted = try Program(guest, ["-j", "map", "list"]).run().objects()
        .compactMap { $0["name"] as? String }.filter { !$0.isEmpty }.sorted()
      let lines = names.out.split(separator: "\n").map(String.init)
      #expect(lines.first == "NAME")
      #expect(Array(lines.dropFirst().prefix(sorted.count)) == sorted)
      let wrong = try Program(guest, ["task", "list", "--sort", "pit"]).run()
      #expect(wrong.status == 64)
      #expect(wrong.err.contains("no column 'pit', did you mean pid?"), "\(wrong.err)")
    }
  }
}
