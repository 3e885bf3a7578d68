import Foundation
import TestSupport
import Testing

extension LiveTests {
  /// How batches of commands run.
  @Suite(.timeLimit(.minutes(5))) struct BatchTests {
    private let guest = LiveGuest("x86-6.1")
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func file(_ name: String, _ text: String) throws -> String {
      let path = folder.path(of: name)
      try text.write(toFile: path, atomically: false, encoding: .utf8)
      return path
    }

    /// Lines that say the same of a guest that is stopped, in whatever way they come.
    static let batch = """
      # What stands here is not run.
      info

         prog list name 'reno_*'   # nor this
      prog stats
      -j prog verifier
      sym "init_task"
      read init_task\\+8 16 --as x8
      print task_struct init_task .comm
      regs
      translate linux_banner
      report
      help prog
      help
      hold
      quit
      prog fly
      """

    @Test func theSameScriptGivesTheSameBytesHoweverItComes() throws {
      // All see one instant.
      let qmp = try guest.qmp
      try qmp.execute("stop")
      defer { _ = try? qmp.execute("cont") }
      let path = try file("batch", Self.batch)
      let lines = Self.batch.split(separator: "\n", omittingEmptySubsequences: false)
      let ways: [([String], String)] = [
        (["-f", path], ""), (["-f", "-"], Self.batch), ([], Self.batch),
        // Without a last end of line, and with a session that others share.
        (lines.flatMap { ["-e", String($0)] }, ""), (["-e", "source \(path)"], ""),
      ]
      let results = try ways.map { arguments, input in
        try Program(guest, ["--leave-stopped"] + arguments).run(input: input)
      }
      #expect(results[0].out.contains("\"swapper/0\"\n"))
      for result in results {
        #expect(result.status == 0, "\(result.err)")
        #expect(result.err == "")
        #expect(result.out == results[0].out)
      }
      #expect(try qmp.status == "paused")
    }

    @Test func jsonIsADocumentALine() throws {
      let lines = [
        "info", "prog list", "prog stats", "prog verifier", "map list", "report", "sym init_task",
        "type idr",
        "read init_task 16", "pread 0 16", "print task_struct init_task .thread",
        "print task_struct init_task --list .tasks .comm,.thread_info", "type char[64]",
        "translate init_task", "regs", "hold", "resume",
      ]
      let result = try Program(guest, ["-j"] + lines.flatMap { ["-e", $0] }).run()
      #expect(result.status == 0, "\(result.err)")
      let documents = result.out.split(separator: "\n")
      #expect(documents.count == lines.count)
      for (line, document) in zip(lines, documents) {
        #expect(throws: Never.self, "\(line)") {
          try JSONSerialization.jsonObject(with: Data(document.utf8))
        }
      }
    }

    @Test(
      arguments: [
        ("prog fly", 64, "no command 'fly'"), ("sym no_such", 1, "no symbol no_such"),
        ("pread 0x3ffff000 0x2000", 2, "1 page unreadable"),
      ] as [(String, Int32, String)])
    func aFailingThirdLineIsNamedAndGivesItsStatus(
      line: String, status: Int32, words: String
    ) throws {
      let lines = ["print task_struct init_task .pid", "", line, "print rq runqueues@1 .cpu"]
      let text = lines.joined(separator: "\n")
      let path = try file("failing", text)
      let ways: [(name: String, arguments: [String], input: String)] = [
        (path, ["-f", path], ""), ("stdin", ["-f", "-"], text), ("stdin", [], text),
        ("-e", lines.flatMap { ["-e", $0] }, ""),
      ]
      for way in ways {
        let result = try Program(guest, way.arguments).run(input: way.input)
        #expect(result.status == status)
        #expect(result.err.hasPrefix("\(way.name):3: "), "\(result.err)")
        #expect(result.err.contains(words), "\(result.err)")
        #expect(result.out.hasPrefix("0\n") && !result.out.hasSuffix("\n1\n"))
        let whole = try Program(guest, ["--keep-going"] + way.arguments).run(input: way.input)
        #expect(whole.status == status)
        #expect(whole.err == result.err)
        #expect(whole.out.dropLast(2) == result.out && whole.out.hasSuffix("1\n"))
      }
      #expect(try guest.qmp.runs)
    }

    @Test func keepGoingEndsWithTheWorst() throws {
      let part = ["-e", "pread 0x3ffff000 0x2000"]
      let failed = ["-e", "sym no_such"]
      let wrong = ["-e", "prog fly"]
      for (commands, status) in [
        (part + failed + part, 1), (wrong + part + failed, 64), (part + ["-e", "info"], 2),
      ] as [([String], Int32)] {
        #expect(try Program(guest, ["--keep-going"] + commands).run().status == status)
      }
    }

    @Test func scriptsThatSourceOthersNameTheLineThatFails() throws {
      let inner = try file("inner", "print task_struct init_task .pid\n\nsym no_such\ninfo\n")
      let outer = try file("outer", "source \(inner)\nprint rq runqueues@1 .cpu\n")
      let result = try Program(guest, ["-f", outer]).run()
      #expect(result.status == 1)
      #expect(result.out == "0\n")
      #expect(result.err == "\(inner):3: this guest's kernel has no symbol no_such\n")
      let endless = try file("endless", "")
      try "source \(endless)\n".write(toFile: endless, atomically: false, encoding: .utf8)
      let deep = try Program(guest, ["-f", endless]).run()
      #expect(deep.status == 1)
      #expect(deep.err.contains("16 deep"))
    }
  }
}
