import Foundation
import TestSupport
import Testing

extension LiveTests {
  /// The same question again and again, and answers of two times side by side.
  @Suite(.timeLimit(.minutes(10))) struct WatchTests {
    private let guest = LiveGuest("x86-6.1")

    private func samples(_ result: ChildProcess.Outcome) throws -> [[String: Any]] {
      try result.out.split(separator: "\n").map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
    }

    @Test(arguments: ["x86-6.1", "x86-7", "arm64-6.12"].map { LiveGuest($0) })
    func aCounterOfTimeHasTheRateOfTime(guest: LiveGuest) throws {
      let result = try Program(
        guest, ["watch", "-n", "0.25", "--count", "20", "-j", "print", "u64", "jiffies_64"]
      ).run()
      #expect(result.status == 0, "\(result.err)")
      let samples = try samples(result)
      #expect(samples.count == 20)
      var (ticks, seconds) = (0.0, 0.0)
      for sample in samples.dropFirst() {
        let object = try #require((sample["objects"] as? [[String: Any]])?.first)
        let rate = try #require((object["per_second"] as? [String: Double])?[""])
        let interval = try #require(sample["interval"] as? Double)
        #expect(rate >= 0 && interval > 0)
        ticks += rate * interval
        seconds += interval
      }
      // Debian's CONFIG_HZ. A CPU that sleeps lets the clock catch up later, and a guest's clock stands
      // still while its machine does something else.
      #expect(ticks / 250 > seconds / 4 && ticks / 250 < seconds + 2, "\(ticks) in \(seconds) s")
      #expect(try guest.qmp.runs)
    }

    @Test(arguments: [[], ["-j"]])
    func aSampleIsALineWhereNoTerminalIs(options: [String]) throws {
      let result = try Program(
        guest, ["prog", "watch", "type", "all", "-n", "0.1", "--count", "3"] + options
      ).run()
      #expect(result.status == 0, "\(result.err)")
      let samples = try result.out.split(separator: "\n").map { line in
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      }
      #expect(samples.count == 3 && samples[0]["interval"] is NSNull)
      for sample in samples.dropFirst() {
        let programs = try #require(sample["objects"] as? [[String: Any]])
        #expect(programs.allSatisfy { ($0["values"] as? [String: Any])?["id"] is Int })
        #expect(programs.contains { ($0["per_second"] as? [String: Any])?["cnt"] is Double })
      }
    }

    @Test func onATerminalATableIsKeptUpToDate() throws {
      let terminal = try PseudoTerminal(
        Program.path,
        [
          "-c", guest.target, "-k", guest.kernel, "watch", "-n", "0.2", "print", "u64",
          "jiffies_64",
        ],
        environment: [:], columns: 70)
      try terminal.expect("sample 1, every 0.2 s; the guest was stopped for ")
      // A clock of ticks may rest for some samples; once it has moved it stays in the table.
      for _ in 1...2 { try terminal.expect("OBJECT") }
      try terminal.press(.interrupt)
      #expect(try terminal.wait() == 128 + SIGINT)
      let pages = terminal.raw.components(separatedBy: "\u{1b}[H").dropFirst()
      #expect(pages.count >= 3)
      // Neither another screen nor a hidden cursor.
      #expect(!terminal.raw.contains("\u{1b}[?"))
      for page in pages.dropLast() {
        #expect(page.hasSuffix("\u{1b}[J"))
        for line in page.components(separatedBy: "\u{1b}[K\r\n").dropLast() {
          #expect(line.count <= 70, "\(line)")
        }
      }
      #expect(try guest.qmp.runs)
    }

    /// A sample that takes as long as the time between two leaves none for keys.
    @Test func keysAreReadWhereSamplesAreLate() throws {
      let terminal = try PseudoTerminal(
        Program.path,
        ["-c", guest.target, "-k", guest.kernel, "watch", "-n", "0.001", "task", "list"],
        environment: [:], columns: 100)
      try terminal.expect("q ends")
      try terminal.type("q")
      #expect(try terminal.wait() == 0)
      #expect(try guest.qmp.runs)
    }

    @Test(arguments: ["q", "\u{3}"])
    func keysSortAndFilterTheTable(end: String) throws {
      let terminal = try PseudoTerminal(
        Program.path,
        ["-c", guest.target, "-k", guest.kernel, "watch", "-n", "0.2", "prog", "stats"],
        environment: [:], columns: 100)
      try terminal.expect("q ends   s sorts by the next column   r reverses   / filters")
      try terminal.type("s")
      try terminal.expect("s sorts by the next column (OBJECT)")
      try terminal.type("/no such")
      try terminal.expect("filter: no such_")
      try terminal.press(.enter)
      try terminal.expect("/ filters (no such)")
      #expect(!terminal.showsKeys)
      try terminal.type(end)
      #expect(try terminal.wait() == (end == "q" ? 0 : 128 + SIGINT))
      #expect(terminal.showsKeys)
      #expect(try guest.qmp.runs)
    }

    @Test func controlCEndsItAndTheGuestRunsOn() throws {
      let running = try Program(guest, ["watch", "-n", "0.05", "prog", "list", "-j"]).start()
      Thread.sleep(forTimeInterval: 3)
      kill(running.identifier, SIGINT)
      #expect(running.wait() == 128 + SIGINT)
      #expect(try guest.qmp.runs)
    }

    @Test func metricsAreReplacedAsAWhole() throws {
      let file = FileManager.default.temporaryDirectory
        .appendingPathComponent("gs-\(UUID().uuidString).prom")
      defer { try? FileManager.default.removeItem(at: file) }
      let result = try Program(
        guest,
        ["watch", "--count", "2", "-n", "0.1", "--openmetrics", file.path, "prog", "stats", "-j"]
      ).run()
      #expect(result.status == 0, "\(result.err)")
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(text.hasSuffix("# EOF\n"))
      for program in try guest.truth("prog") where program["type"] as? String == "struct_ops" {
        let line =
          "guestscope_value{object=\"\(program["name"]!)\",key=\"cnt\"} \(program["run_cnt"]!)\n"
        #expect(text.contains(line))
      }
      #expect(!FileManager.default.fileExists(atPath: file.path + ".part"))
    }

    @Test(
      arguments: [
        "prog list", "prog stats", "prog stats type all --ids", "prog verifier type all --ids",
        "map list", "task list", "info", "report",
      ])
    func aSavedAnswerIsComparedWithTheGuest(command: String) throws {
      let words = command.split(separator: " ").map(String.init)
      let saved = try Program(guest, ["-j"] + words).run()
      let folder = FileManager.default.temporaryDirectory
      let file = folder.appendingPathComponent("gs-\(UUID().uuidString).json")
      defer { try? FileManager.default.removeItem(at: file) }
      try saved.out.write(to: file, atomically: false, encoding: .utf8)
      // The guest rests, but for the clock and the memory of the machine.
      let same = try Program(guest, ["diff", "--only-changed", "-j", file.path]).run()
      #expect(same.status == 0, "\(same.err)")
      let changed = try same.objects().compactMap { $0["key"] as? String }
      #expect(
        changed.isEmpty || ["info", "report", "task list"].contains(command), "\(changed)")
      guard command == "prog list" else { return }
      // A number is 1 less than it is now, and a program is not there any more.
      let doctored = saved.out
        .replacingOccurrences(of: "\"name\":\"reno_init\"", with: "\"name\":\"gone\"")
        .replacingOccurrences(of: "\"verified_insns\":", with: "\"verified_insns\":1")
      try doctored.write(to: file, atomically: false, encoding: .utf8)
      let other = try Program(
        guest, ["diff", "--only-changed", "--exit-status", "-j", file.path]
      ).run()
      #expect(other.status == 3)
      let rows = try other.objects()
      #expect(
        rows.contains {
          $0["object"] as? String == "gone (struct_ops)" && $0["only"] as? String == "a"
        })
      #expect(
        rows.contains {
          $0["object"] as? String == "reno_init (struct_ops)" && $0["only"] as? String == "b"
        })
      #expect(rows.filter { $0["key"] as? String == "verified_insns" }.count > 5)
    }
  }
}
