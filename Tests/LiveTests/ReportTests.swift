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
      try expectStats(report, stats)
      try expectMaps(report, guest)
      #expect(report["prog_verifier_stats"] as? NSArray == verifier as NSArray)
      let truth = try #require(try guest.truth("kernel").first)
      let kernel = try #require(report["kernel"] as? [String: String])
      #expect(kernel["banner"] == truth["banner"] as? String)
      #expect(report["bpf_stats_enabled"] as? Bool == true)
      #expect(report["cpus"] as? Int == (try guest.cpuCount))
      let stops = try #require(report["stops"] as? Int)
      // One for the programs and the log, if they are few, and at least one for the tasks; how many
      // it takes depends on how fast QEMU answers.
      #expect(stops > 1)
      #expect((report["unreadable"] as? [Any])?.isEmpty == true)

      try expectTasks(report, guest)

      let lines = try Program(guest, ["report"]).run().out.split(separator: "\n")
      let screen = try Program(guest, ["prog", "stats"]).run().out.split(separator: "\n")
      let heading = try #require(lines.firstIndex(of: "prog_runtime_stats:"))
      // A report does not say the id, which ends a line of prog stats.
      for (line, shown) in zip(lines[(heading + 1)...], screen) {
        #expect(shown.hasPrefix(line + " id="))
      }
    }

    /// A reader of failure dumps refuses one in which a program's numbers are not all numbers.
    private func expectStats(_ report: [String: Any], _ stats: [[String: Any]]) throws {
      let rows = try #require(report["prog_runtime_stats"] as? [[String: Any]])
      try #require(rows.count == stats.count)
      for (row, stat) in zip(rows, stats) {
        #expect(row["name"] as? String == stat["name"] as? String)
        for key in ["cnt", "nsecs"] { #expect(row[key] as? UInt64 == stat[key] as? UInt64) }
        let misses = stat["misses"] as? UInt64
        #expect(row["misses"] as? UInt64 == misses ?? 0)
        #expect(row["misses_unavailable"] as? Bool == (misses == nil ? true : nil))
      }
    }

    /// It demands these of each map, too.
    private func expectMaps(_ report: [String: Any], _ guest: LiveGuest) throws {
      let rows = try #require(report["maps"] as? [[String: Any]])
      let maps = try Program(guest, ["map", "list", "-j"]).run().objects()
      #expect(rows.map { $0["id"] as? Int } == maps.map { $0["id"] as? Int })
      for (row, map) in zip(rows, maps) {
        #expect(row["name"] as? String == map["name"] as? String)
        #expect(row["map_type"] is Int && "\(row["type"] ?? "")" == "\(map["type"] ?? "")")
        #expect(row["value_size"] as? Int == map["bytes_value"] as? Int)
        #expect(row["max_entries"] as? Int == map["max_entries"] as? Int)
      }
    }

    /// What runs, and what is stuck: one task is made so where there are objects.
    private func expectTasks(_ report: [String: Any], _ guest: LiveGuest) throws {
      let tasks = try #require(report["tasks"] as? Int)
      #expect(tasks > 20)
      let running = try #require(report["running"] as? [[String: Any]])
      // In user mode nothing but the run queues, which one kernel does not show, says what runs.
      let isShown = guest.label != "arm64-6.1"
      #expect(isShown ? running.count == (try guest.cpuCount) : !running.isEmpty)
      // The vCPUs of a kernel that crashed are in the crash kernel, or stopped.
      for cpu in running where cpu["mode"] as? String == "kernel" {
        #expect(cpu["end"] as? String == "outermost" || guest.hasCrashed, "\(cpu)")
      }
      #expect(guest.hasCrashed || running.contains { $0["mode"] as? String == "kernel" })
      #expect((report["stuck_cpus"] as? [Any])?.isEmpty == true, "\(running)")
      #expect(report["system_state"] as? String == "SYSTEM_RUNNING")
      let stuck = try #require(report["stuck_tasks"] as? [[String: Any]])
      // The clocks of a kernel that crashed stand still.
      guard !guest.hasCrashed else { return }
      let made = try guest.truth("task").filter {
        ($0["stat"] as? String)?.contains("(gs-waiting) D") == true
      }
      guard isShown else { return }
      let waiting = stuck.filter { $0["comm"] as? String == "gs-waiting" }
      #expect(waiting.count == made.count)
      for task in waiting {
        let names = (task["frames"] as? [[String: Any]] ?? []).map { $0["symbol"] as? String }
        #expect(names.contains("kernel_clone") && task["end"] as? String == "outermost")
      }
    }
  }
}
