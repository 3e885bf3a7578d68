import Foundation
import Testing

extension LiveTests {
  /// Limits on what a guest has, and whether it is well.
  @Suite(.timeLimit(.minutes(10))) struct CheckTests {
    private let guest = LiveGuest("x86-6.1")

    private func verdicts(_ guest: LiveGuest, _ words: [String], status: Int32) throws
      -> [[String: Any]]
    {
      let result = try Program(guest, ["-j", "check"] + words).run()
      #expect(result.status == status, "\(result.out)\(result.err)")
      return try #require(
        try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [[String: Any]])
    }

    private func file(_ ending: String) -> String {
      FileManager.default.temporaryDirectory
        .appendingPathComponent("gs-\(UUID().uuidString)\(ending)").path
    }

    private func insns() throws -> [(name: String, count: Int)] {
      let result = try Program(guest, ["-j", "prog", "verifier", "type", "all"]).run()
      let list = try JSONSerialization.jsonObject(with: Data(result.out.utf8))
      return try #require(list as? [[String: Any]]).map { program in
        (
          try #require(program["name"] as? String),
          try #require(program["verified_insns"] as? Int)
        )
      }
    }

    @Test func whatIsBrokenIsWhatHasMore() throws {
      let counts = try insns().map(\.count).sorted()
      let limit = counts[counts.count / 2]
      let found = try verdicts(guest, ["--max-verified-insns", "\(limit)"], status: 3)
      #expect(found.count == counts.count)
      for verdict in found {
        let value = try #require(verdict["value"] as? Int)
        #expect(verdict["status"] as? String == (value > limit ? "broken" : "kept"))
        #expect(verdict["limit"] as? Int == limit)
        #expect(verdict["check"] as? String == "prog_verifier.verified_insns")
      }
      #expect(found.contains { $0["status"] as? String == "broken" })
      _ = try verdicts(guest, ["--max-verified-insns", "\(counts[counts.count - 1])"], status: 0)
    }

    @Test func aBaselineIsWhatItIsComparedWith() throws {
      let saved = file(".json")
      defer { try? FileManager.default.removeItem(atPath: saved) }
      let now = try Program(guest, ["-j", "prog", "verifier", "type", "all"]).run().out
      try now.write(toFile: saved, atomically: true, encoding: .utf8)
      _ = try verdicts(guest, ["--baseline", saved, "--tolerance", "0"], status: 0)
      // As if the first program had needed fewer once.
      let first = try #require(try insns().first)
      let fewer = now.replacing(
        "\"name\":\"\(first.name)\",\"verified_insns\":\(first.count)",
        with: "\"name\":\"\(first.name)\",\"verified_insns\":\(first.count - 1)", maxReplacements: 1
      )
      try fewer.write(toFile: saved, atomically: true, encoding: .utf8)
      let found = try verdicts(guest, ["--baseline", saved, "--tolerance", "0"], status: 3)
      let broken = found.filter { $0["status"] as? String == "broken" }
      #expect(broken.count == 1 && broken[0]["object"] as? String == first.name)
      #expect(broken[0]["value"] as? Int == first.count)
      _ = try verdicts(
        guest, ["--baseline", saved, "--tolerance", "0", "--absolute", "1"], status: 0)
    }

    @Test func whatIsNotThereIsNotMeasurable() throws {
      let budget = file(".json")
      defer { try? FileManager.default.removeItem(atPath: budget) }
      try #"{"prog_stats":{"nobody":{"cnt":1}},"info":{"*":{"nr_cpu_ids":1000}}}"#
        .write(toFile: budget, atomically: true, encoding: .utf8)
      let found = try verdicts(guest, ["--budget", budget], status: 4)
      #expect(Set(found.compactMap { $0["status"] as? String }) == ["kept", "unknown"])
      let text = try Program(guest, ["check", "--budget", budget]).run()
      #expect(
        text.out == "not measurable: prog_stats.cnt of nobody: there is nothing of this name\n")
      #expect(text.err.hasSuffix("1 kept, 0 broken, 1 not measurable\n"))
    }

    @Test(arguments: ["x86-5.10", "x86-6.1", "x86-7", "arm64-6.12"].map { LiveGuest($0) })
    func aGuestThatRunsLives(guest: LiveGuest) throws {
      let found = try verdicts(guest, ["guest-lives", "kernel-log", "-n", "3"], status: 0)
      #expect(found.compactMap { $0["check"] as? String } == ["guest-lives", "kernel-log"])
      #expect(try guest.qmp.runs)
    }

    /// The loader of the test guests has a task that waits for ever.
    @Test func theTaskThatWaitsIsStuck() throws {
      let found = try verdicts(LiveGuest("x86-5.10"), ["task-stuck=5"], status: 3)
      #expect(found.contains { ($0["object"] as? String)?.hasPrefix("gs-waiting ") == true })
      _ = try verdicts(LiveGuest("x86-5.10"), ["task-stuck=100000"], status: 0)
    }

    @Test func nothingMovesInAGuestThatWasStopped() throws {
      let guest = LiveGuest("x86-6.1-busy")
      let result = try Program(guest, ["--leave-stopped", "-j", "check", "guest-lives"]).run()
      #expect(result.status == 4)
      #expect(result.out.contains("\"evidence\":\"the guest is stopped\""))
    }
  }
}
