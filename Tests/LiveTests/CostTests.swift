import Foundation
import Testing

extension LiveTests {
  /// What an answer costs, in counts: times belong to benchmarks.
  @Suite struct CostTests {
    /// `key=value` pairs of the lines that `--stats` prints.
    private func stats(_ text: String) -> [[String: Int]] {
      text.split(separator: "\n").filter { $0.hasPrefix("stats: ") }.map { line in
        var numbers: [String: Int] = [:]
        for word in line.split(separator: " ") {
          let pair = word.split(separator: "=")
          if pair.count == 2 { numbers[String(pair[0])] = Int(pair[1]) }
        }
        return numbers
      }
    }

    /// With a limit that no machine is too slow for: how many stops an answer is from depends on it.
    private static let patient = ["--no-cache", "--stats", "--max-pause", "50"]

    @Test func wavesAreAsManyAsPointersAreDeep() throws {
      let result = try Program(
        LiveGuest("x86-6.1"), Self.patient + ["-e", "prog stats", "-e", "prog stats"]
      ).run()
      let lines = stats(result.err)
      try #require(lines.count == 3, "\(result.err)")
      let (cold, warm) = (lines[1], lines[2])
      // idr, xa_node, four levels of page tables, bpf_prog, aux and statistics.
      #expect(try #require(cold["waves"]) <= 9)
      #expect(cold["snapshot"] == 1)
      // The second sample is its closing stop alone.
      #expect(warm["waves"] == 0 && warm["stops"] == 1 && warm["snapshot"] == 1)
      // Single entries, not whole tables.
      #expect(try #require(warm["snapshot_bytes"]) < 16_384)
    }

    /// A guest that was asked before: first contact, where it has RAM, and the answer.
    @Test(arguments: ["x86-6.1", "arm64-6.1"], [true, false])
    func aKnownGuestIsAskedInThreeStops(label: String, hasFile: Bool) throws {
      let guest = LiveGuest(label)
      try withCache { environment in
        let words = ["-c", guest.target] + (hasFile ? ["-k", guest.kernel] : [])
        let stats = ["--stats", "prog", "stats"]
        func run(_ words: [String]) throws -> (out: String, stats: [String: Int]) {
          let result = try Program(words, environment: environment).run()
          #expect(result.status == 0, "\(result.err)")
          return (result.out, self.stats(result.err).last ?? [:])
        }
        let cold = try run(words + stats)
        #expect(try #require(cold.stats["waves"]) > 0)
        let warm = try run(words + Self.patient.dropFirst(2) + stats)
        #expect(warm.out == cold.out)
        #expect(warm.stats["waves"] == 0 && warm.stats["snapshot"] == 1)
        #expect(try #require(warm.stats["stops"]) <= 3)
      }
    }

    @Test func aKnownKernelIsNotReadInAnotherBoot() throws {
      let guest = LiveGuest("x86-6.1")
      let other = LiveGuest("x86-6.1-nokaslr")
      try withCache { environment in
        let words = ["--stats", "prog", "stats"]
        _ = try Program(["-c", guest.target] + words, environment: environment).run()
        let result = try Program(["-c", other.target] + words, environment: environment).run()
        #expect(result.status == 0, "\(result.err)")
        let lines = stats(result.err)
        try #require(lines.count == 2, "\(result.err)")
        // Registers, page tables, notes and variables: no symbols, no types.
        #expect(try #require(lines[0]["bytes"]) < 256 << 10)
      }
    }

    @Test func mapsTakeOneWaveForAllThatTheyLeadTo() throws {
      let result = try Program(
        LiveGuest("x86-6.1"), Self.patient + ["-e", "map list", "-e", "map list"]
      ).run()
      let lines = stats(result.err)
      try #require(lines.count == 3, "\(result.err)")
      // idr, xa_node, bpf_map behind four levels of page tables, and what it leads to.
      #expect(try #require(lines[1]["waves"]) <= 8)
      #expect(lines[1]["snapshot"] == 1)
      #expect(lines[2]["waves"] == 0 && lines[2]["stops"] == 1 && lines[2]["snapshot"] == 1)
    }

    @Test func depthNotNumberMakesWaves() throws {
      let words = ["--no-cache", "--stats", "prog", "list"]
      let few = stats(try Program(LiveGuest("x86-6.1"), words).run().err)
      let many = stats(try Program(LiveGuest("x86-6.1-many"), words).run().err)
      try #require(few.count == 2 && many.count == 2)
      // Two more levels of xarray nodes, and one a translation may take.
      #expect(try #require(many[1]["waves"]) <= #require(few[1]["waves"]) + 4)
      #expect(try #require(many[1]["snapshot"]) > 1, "5000 programs do not fit in one stop")
    }
  }
}
