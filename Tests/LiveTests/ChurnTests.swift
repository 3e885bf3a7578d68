import Foundation
import Testing

extension LiveTests {
  /// A guest in which programs come and go as fast as they can.
  @Suite struct ChurnTests {
    /// More at length with GUESTSCOPE_CHURN=1000.
    private static let rounds =
      Int(ProcessInfo.processInfo.environment["GUESTSCOPE_CHURN"] ?? "") ?? 50

    @Test(.timeLimit(.minutes(15)))
    func everyAnswerIsCompleteInItselfAndTheGuestRunsOn() throws {
      let guest = LiveGuest("x86-6.1-churn")
      // scripts/test has stopped it, for it takes all the time that there is.
      let qmp = try guest.qmp
      try qmp.execute("cont")
      defer { _ = try? qmp.execute("stop") }
      // The programs that were there before the storm are in every answer, with their constants.
      let lasting = try guest.truth("prog")
      let before = try nextID(guest)
      let script = String(repeating: "prog list -j\n", count: Self.rounds)
      // On a slow machine a usual stop has no time for the way to the programs.
      let result = try Program(
        guest, ["--max-pause", "50", "--keep-going", "-f", "-"]
      ).run(input: script)
      // 2: something came and went faster than it could be read, and was counted. 1: all of it.
      #expect((0...2).contains(result.status), "\(result.err.suffix(2000))")
      let answers = result.out.split(separator: "\n")
      // `stdin:LINE: …` names the answers that lack something; no other may.
      let notes = result.err.split(separator: "\n").filter { $0.hasPrefix("stdin:") }
      func lines(_ notes: [Substring]) -> Set<Int> {
        Set(notes.compactMap { Int($0.split(separator: ":")[1]) })
      }
      let partial = lines(notes)
      let refused = lines(notes.filter { $0.contains("cannot read the guest's kernel") })
      #expect(answers.count == Self.rounds - refused.count)
      #expect(refused.count <= Self.rounds / 10, "\(refused.count) answers refused")
      #expect(partial.count < Self.rounds / 2, "\(partial.count) answers lack something")
      let answered = (1...Self.rounds).filter { !refused.contains($0) }
      for (line, answer) in zip(answered, answers) {
        let listed = try #require(
          try JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [[String: Any]])
        let ids = try listed.map { try #require($0["id"] as? Int) }
        try #require(ids == Set(ids).sorted())
        let byID = Dictionary(uniqueKeysWithValues: zip(ids, listed))
        for truth in lasting where !partial.contains(line) {
          let id = try #require(truth["id"] as? Int)
          let ours = try #require(byID[id])
          for key in ["name", "tag", "type", "verified_insns", "loaded_at", "bytes_jited"]
          where key != "name" || !truth.nameMayBeLonger {
            #expect(ours[key] as? NSObject == truth[key] as? NSObject)
          }
        }
        for program in listed {
          #expect(program["type"] as? String != nil)
          // A program that was half built or half freed would show it here.
          #expect((program["verified_insns"] as? Int ?? 0) > 0, "\(program)")
          #expect((program["bytes_xlated"] as? Int ?? 0) > 0, "\(program)")
        }
      }
      // An answer is easiest to have while none of the short-lived ones is there, so their ids
      // need not show in it; the next id does.
      #expect(try nextID(guest) > before, "nothing came: no storm")
      #expect(try qmp.status == "running")
    }

    /// Each value is made of its key: an entry that was never in the map would show it.
    @Test(.timeLimit(.minutes(5)))
    func everyEntryWasOnceInTheMap() throws {
      let guest = LiveGuest("x86-6.1-churn")
      let qmp = try guest.qmp
      try qmp.execute("cont")
      defer { _ = try? qmp.execute("stop") }
      var seen: Set<[String]> = []
      for name in ["churn_hash", "churn_growing", "churn_lru"] {
        for _ in 0..<3 {
          let result = try Program(guest, ["-j", "map", "dump", "name", name]).run()
          #expect((0...2).contains(result.status), "\(result.err.suffix(1000))")
          guard result.status != 1 else { continue }
          let entries = try result.objects()
          #expect(entries.allSatisfy(Checksum.holds), "\(name)")
          // What is said to be whole has no less than a part of the map, and never more than fits.
          #expect(entries.count <= 2 * 2000 + 64, "\(name): \(entries.count)")
          seen.formUnion(entries.compactMap { $0["key"] as? [String] })
        }
      }
      #expect(seen.count > 100, "nothing came: no storm")
      #expect(try qmp.status == "running")
    }

    private func nextID(_ guest: LiveGuest) throws -> Int {
      let result = try Program(guest, ["print", "idr", "prog_idr", ".idr_next"]).run()
      return try #require(
        Int(result.out.trimmingCharacters(in: .whitespacesAndNewlines)), "\(result.err)")
    }
  }
}
