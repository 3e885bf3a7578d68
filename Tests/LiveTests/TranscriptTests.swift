import ArgumentParser
import Testing

@testable import Commands

extension LiveTests {
  /// What every command answers.
  @Suite(.timeLimit(.minutes(5))) struct TranscriptTests {
    private let guest = LiveGuest("x86-6.1")

    /// Lines that answer nothing, or end what they stand in.
    private static let mistakes: [(line: String, status: Int32, words: String)] = [
      ("history", 64, "is for the prompt"), ("resume", 1, "the guest is not held"),
      ("source /no/such/file", 1, "cannot open /no/such/file: No such file"),
      ("frobnicate", 64, "no command 'frobnicate'"), ("prog fly", 64, "no command 'fly'"),
      ("help fly", 64, "no command 'fly'"), ("-j", 64, "has options but no command"),
      ("prog stats type fly", 64, "'fly' is not a type of program"),
      ("prog list id 4000000", 1, "no program with id 4000000"),
      ("map list type fly", 64, "'fly' is not a type of map"),
      ("map list id x", 64, "'x' is not a map id"),
      ("map list id 4000000 type hash", 1, "no map with id 4000000 type hash"),
      ("info extra", 64, "Unexpected argument 'extra'"), ("report -x", 64, "Unknown option '-x'"),
      ("print no_such_type init_task", 1, "no type no_such_type"),
      ("print 'no_such_type *' init_task", 1, "no type no_such_type"),
      ("print 'btf ****' init_task", 1, "no type btf ****"),
      ("print * init_task", 1, "'*' names no type"),
      ("print task_struct init_task .no_such", 1, "no member no_such"),
      ("print task_struct 8 .comm", 1, "0x0 is not mapped"),
      ("print task_struct init_task ..", 64, "is not a path of members"),
      ("print task_struct init_task .comm[16]", 1, "has no [16]: it has 16 elements"),
      ("print 'no_such[4]' init_task", 1, "no type no_such[4]"),
      ("print bpf_prog prog:4000000", 1, "the guest has no program with id 4000000"),
      ("read task:4000000 8", 1, "the guest has no task with pid 4000000"),
      ("translate map:4000000", 1, "the guest has no map with id 4000000"),
      ("translate fly:1", 64, "'fly:1'"), ("sym map:1", 64, "has no symbol"),
      ("pread map:1 8", 64, "translate map:1"),
      ("print task_struct init_task --list .comm", 1, "only as a struct list_head"),
      ("print task_struct linux_banner --list .tasks", 1, "no neighbour leads back"),
      ("print task_struct init_task --list .tasks .files_no", 1, "no member files_no"),
      ("type no_such_type", 1, "no type no_such_type"),
      ("type no_such_*", 1, "no type that matches no_such_*"),
      ("print 'no_such_* *' init_task", 1, "no type no_such_* *"),
      ("prog list name no_such_*", 1, "no program with name no_such_*"),
      ("cgroup show", 64, "<path>"), ("cgroup show effective", 64, "takes the path"),
      ("cgroup tree system.slice", 64, "begins with a slash"),
      ("cgroup show /no/such", 1, "the guest has no cgroup /no/such"),
      ("prog stats type sk_lookup", 1, "no program with type sk_lookup"),
      ("prog verifier type sk_lookup", 1, "no program with type sk_lookup"),
      ("type irq_info", 1, "3 types of"), ("type irq_info#1", 1, "no type irq_info#1"),
      ("sym no_such", 1, "no symbol no_such"),
      ("sym no_such_*", 1, "no symbol matches"), ("sym 0x8", 1, "not in the kernel image"),
      ("read init_task", 64, "'<length>'"), ("read init_task 0", 64, "1 to 16777216"),
      ("read runqueues 8", 64, "as in runqueues@0"), ("read runqueues@9 8", 1, "no CPU 9"),
      ("read runqueues+8 8", 64, "as in runqueues@0+8"), ("sym runqueues@9", 1, "no CPU 9"),
      ("sym init_task@0", 64, "is not a per-CPU variable"),
      ("prog list -e info", 64, "remove the other command"),
      ("-j help fly", 64, "no command 'fly'"),
      ("read init_task@0 8", 64, "is not a per-CPU variable"), ("read 8 8", 1, "0x0 is not mapped"),
      ("pread init_task 8", 64, "translate init_task"),
      ("pread 0xfed00000 8", 1, "outside the guest's RAM"),
      ("translate 8", 1, "is not a kernel address"), ("regs 9", 1, "no vCPU 9"),
      ("check nothing", 64, "no check 'nothing'"), ("check guest-lives=1", 64, "has no limit"),
      ("check --tolerance 5", 64, "--baseline"),
      ("hold now", 64, "Unexpected argument 'now'"), ("'quit", 64, "is not closed"),
      ("-c :1 info", 64, "stands before the session's commands"),
    ]

    @Test func everyCommandOfTheTableHasATranscript() {
      func leaves(_ command: ParsableCommand.Type, _ path: [String]) -> [[String]] {
        let inner = command.configuration.subcommands
        return inner.isEmpty ? [path] : inner.flatMap { leaves($0, path + [$0._commandName]) }
      }
      let lines =
        (Self.guestCommands.exchanges + Self.exploring.exchanges).map(\.line)
        + BatchTests.batch.split(separator: "\n").map(String.init)
      // BatchTests runs its batch by `source` as well; `history` is for the prompt, and PromptTests
      // has it; `cache` asks no guest, and CacheTests has it; WatchTests has `diff`, which takes a
      // file.
      let elsewhere = ["source", "history", "cache list", "cache clear", "diff"]
      for command in leaves(Root.self, []).map({ $0.joined(separator: " ") })
      where !elsewhere.contains(command) {
        #expect(
          lines.contains { $0 == command || $0.hasPrefix(command + " ") },
          "\(command) has no transcript")
      }
    }

    @Test func commandsOfTheGuest() throws { try Self.guestCommands.check(guest) }

    @Test func exploringCommands() throws { try Self.exploring.check(guest) }

    @Test func mistakesHaveAStatusAndASentence() throws {
      let script = Self.mistakes.map { $0.line + "\n" }.joined()
      let result = try Program(guest, ["--keep-going", "-f", "-"]).run(input: script)
      // Two of the lines want JSON.
      #expect(result.out.split(separator: "\n").allSatisfy { $0.hasPrefix(#"{"error":"#) })
      #expect(result.out.split(separator: "\n").count == 2)
      #expect(result.status == 64)
      for (index, mistake) in Self.mistakes.enumerated() {
        let notes = result.err.split(separator: "\n").filter {
          $0.hasPrefix("stdin:\(index + 1): ")
        }
        #expect(notes.count == 1 && notes[0].contains(mistake.words), "\(mistake.line): \(notes)")
      }
      for kind in [64, 1] as [Int32] {
        let alike = Self.mistakes.filter { $0.status == kind }
        let result = try Program(guest, ["--keep-going"] + alike.flatMap { ["-e", $0.line] }).run()
        #expect(result.status == kind, "\(result.err)")
      }
      #expect(try guest.qmp.runs)
    }
  }
}
