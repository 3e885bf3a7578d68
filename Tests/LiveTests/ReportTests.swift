import Foundation
import Testing

extension LiveTests {
  @Suite struct ReportTests {
    @Test(arguments: LiveGuest.resting)
    func theReportHoldsWhatTheOtherCommandsSay(guest: LiveGuest) throws {
      let result = try Program(guest, ["report", "-j"]).run()
      #expect(result.status == 0, "\(result.err)")
      let report = try #require(try result.json() as? [String: Any])
      #expect(report["schema"] as? String == "single")
      let stats = try Program(guest, ["prog", "stats", "-j"]).run().objects()
      let verifier = try Program(guest, ["prog", "verifier", "-j"]).run().objects()
      #expect(report["prog_runtime_stats"] as? NSArray == stats as NSArray)
      #expect(report["prog_verifier_stats"] as? NSArray == verifier as NSArray)
      let truth = try #require(try guest.truth("kernel").first)
      let kernel = try #require(report["kernel"] as? [String: String])
      #expect(kernel["banner"] == truth["banner"] as? String)
      #expect(report["bpf_stats_enabled"] as? Bool == true)
      #expect(report["cpus"] as? Int == (try guest.cpuCount))
      let stops = try #require(report["stops"] as? Int)
      // One is enough for few programs, and never for 5000; how many it takes in between depends
      // on how fast QEMU answers.
      if guest.label == "x86-6.1" { #expect(stops == 1) }
      #expect(stops > (guest.label.hasSuffix("-many") ? 1 : 0))
      #expect((report["unreadable"] as? [Any])?.isEmpty == true)

      let lines = try Program(guest, ["report"]).run().out.split(separator: "\n")
      let screen = try Program(guest, ["prog", "stats"]).run().out.split(separator: "\n")
      let heading = try #require(lines.firstIndex(of: "prog_runtime_stats:"))
      // A report does not say the id, which ends a line of prog stats.
      for (line, shown) in zip(lines[(heading + 1)...], screen) {
        #expect(shown.hasPrefix(line + " id="))
      }
    }
  }
}
