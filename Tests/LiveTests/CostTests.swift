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

    @Test func wavesAreAsManyAsPointersAreDeep() throws {
      let result = try Program(
        LiveGuest("x86-6.1"), ["--stats", "-e", "prog stats", "-e", "prog stats"]
      ).run()
      let lines = stats(result.err)
      try #require(lines.count == 3, "\(result.err)")
      let (cold, warm) = (lines[1], lines[2])
      // idr, xa_node, four levels of page tables, bpf_prog, aux and statistics.
      #expect(cold["waves"]! <= 9)
      #expect(cold["snapshot"] == 1)
      // The second sample is its closing stop alone.
      #expect(warm["waves"] == 0 && warm["stops"] == 1 && warm["snapshot"] == 1)
      // Single entries, not whole tables.
      #expect(warm["snapshot_bytes"]! < 16_384)
    }

    @Test func mapsTakeOneWaveForAllThatTheyLeadTo() throws {
      let result = try Program(
        LiveGuest("x86-6.1"), ["--stats", "-e", "map list", "-e", "map list"]
      ).run()
      let lines = stats(result.err)
      try #require(lines.count == 3, "\(result.err)")
      // idr, xa_node, bpf_map behind four levels of page tables, and what it leads to.
      #expect(lines[1]["waves"]! <= 8)
      #expect(lines[1]["snapshot"] == 1)
      #expect(lines[2]["waves"] == 0 && lines[2]["stops"] == 1 && lines[2]["snapshot"] == 1)
    }

    @Test func depthNotNumberMakesWaves() throws {
      let words = ["--stats", "prog", "list"]
      let few = stats(try Program(LiveGuest("x86-6.1"), words).run().err)
      let many = stats(try Program(LiveGuest("x86-6.1-many"), words).run().err)
      try #require(few.count == 2 && many.count == 2)
      // Two more levels of xarray nodes, and one a translation may take.
      #expect(many[1]["waves"]! <= few[1]["waves"]! + 4)
      #expect(many[1]["snapshot"]! > 1, "5000 programs do not fit in one stop")
    }
  }
}
