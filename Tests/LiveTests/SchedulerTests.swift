import Foundation
import Testing

extension LiveGuest {
  /// Whose kernel has sched_ext.
  static var withSchedExt: [LiveGuest] {
    all.filter { guest in ((try? guest.truth("scx")) ?? []).isEmpty == false }
  }

  /// Whose schedulers have left, and whose last one goes on: gs.scx=all.
  static var withSchedulers: [LiveGuest] { withSchedExt.filter { $0.label.hasSuffix("-scx") } }

  /// The files of sysfs or proc that the guest has read, by their names.
  func files(_ kind: String) throws -> [String: String] {
    Dictionary(
      uniqueKeysWithValues: try truth(kind).compactMap { row in
        guard let file = row["file"] as? String, let text = row["text"] as? String else {
          return nil
        }
        return (file, text.trimmingCharacters(in: .whitespacesAndNewlines))
      })
  }
}

extension LiveTests {
  /// sched_ext against sysfs of the guest, and against what its schedulers know themselves.
  @Suite struct SchedulerTests {
    private func answer(_ guest: LiveGuest, _ words: String...) throws -> Any {
      let result = try Program(guest, ["-j"] + words).run()
      #expect(result.status == 0, "\(result.err)")
      return try result.json()
    }

    @Test(arguments: LiveGuest.withSchedExt)
    func theStateIsAsSysfsShowsIt(guest: LiveGuest) throws {
      let truth = try guest.files("scx")
      let state = try #require(try answer(guest, "scx", "show") as? [String: Any])
      #expect(state["enable_state"] as? String == truth["state"])
      #expect((state["switching_all"] as? Bool == true ? "1" : "0") == truth["switch_all"])
      for key in ["nr_rejected", "hotplug_seq", "enable_seq"] {
        #expect((state[key] as? Int).map { "\($0)" } == truth[key], "\(key)")
      }
      #expect(state["ops"] as? String == truth["root/ops"] ?? "")
      #expect(state["enabled"] as? Bool == (truth["state"] == "enabled"))
      let schedulers = try #require(state["schedulers"] as? [[String: Any]])
      #expect(schedulers.isEmpty == (truth["root/ops"] == nil))
      guard let scheduler = schedulers.first else { return }
      // All of ours.
      #expect((scheduler["flags"] as? [String])?.contains("SCX_OPS_SWITCH_PARTIAL") == true)
      guard let lines = truth["root/events"]?.split(separator: "\n") else { return }
      let events = try #require(scheduler["events"] as? [String: Int])
      #expect(events.count == lines.count && !lines.isEmpty)
      #expect(state["events"] as? [String: Int] == events)
      for line in lines {
        let words = line.split(separator: " ")
        let (ours, its) = (events[String(words[0])] ?? -1, try #require(Int(words[1])))
        // Counters of a scheduler whose tasks ran on go on.
        #expect(guest.label.hasSuffix("-scx") ? ours >= its : ours == its, "\(line)")
      }
      let perCPU = try #require(scheduler["events_per_cpu"] as? [[String: Any]])
      #expect(perCPU.count == (try guest.cpuCount))
    }

    @Test(arguments: LiveGuest.withSchedulers)
    func whySchedulersLeftIsWhatTheyHaveKept(guest: LiveGuest) throws {
      // As each has kept it, the oldest first.
      let truth = try guest.truth("scx_exit")
      try #require(truth.count == 4)
      let exits = try #require(try answer(guest, "scx", "exit") as? [[String: Any]])
      #expect(exits.count == truth.count)
      // Of the first nothing is left but what the kernel has logged, in the same words as of the second.
      let logged = try #require(exits.last)
      #expect(logged["source"] as? String == "kernel_log" && logged["kind"] is NSNull)
      for key in ["reason", "msg"] {
        #expect(logged[key] as? String == truth[0][key] as? String)
        #expect(logged[key] as? String == truth[1][key] as? String)
      }
      let trace = try #require(logged["backtrace"] as? [[String: Any]])
      #expect(trace.contains { ($0["symbol"] as? String)?.hasPrefix("scx_") == true }, "\(trace)")
      let times = exits.reversed().map { $0["time_ns"] as? Int ?? -1 }
      #expect(times.first ?? -1 > 0 && times == times.sorted(), "\(times)")
      for (exit, expected) in zip(exits.dropLast().reversed(), truth.dropFirst()) {
        #expect(exit["kind_number"] as? Int == expected["exit_kind"] as? Int)
        #expect(exit["exit_code"] as? Int == expected["exit_code"] as? Int)
        #expect(exit["reason"] as? String == expected["reason"] as? String)
        #expect(exit["msg"] as? String == expected["msg"] as? String)
        #expect((exit["kind"] as? String)?.hasPrefix("SCX_EXIT_") == true)
        // It keeps the beginning of the dump.
        let dump = exit["dump"] as? String ?? ""
        #expect(dump.hasPrefix(expected["dump"] as? String ?? "-"))
        let isError = (expected["exit_kind"] as? Int ?? 0) >= 1024
        #expect(isError == dump.contains("gs-scx-"))
        // Since 6.16 the kernel keeps what it said as long as the map is registered.
        let isHeld = exit["source"] as? String == "struct_ops_map"
        #expect(isHeld || exit["source"] as? String == "variable")
        let frames = try #require(exit["backtrace"] as? [[String: Any]])
        #expect(!isHeld || isError == !frames.isEmpty)
        #expect(frames.allSatisfy { $0["symbol"] is String })
      }
      let screen = try Program(guest, ["scx", "exit", "--no-dump"]).run()
      #expect(screen.out.contains(truth[0]["msg"] as? String ?? "-"))
      #expect(!screen.out.contains("dump:"))
    }

    @Test(arguments: LiveGuest.withSchedulers)
    func everyTaskIsInItsQueue(guest: LiveGuest) throws {
      // scripts/test has stopped it, for it takes all the time that there is. Where a CPU goes from one
      // task to the next, a task is for an instant in neither place: then another instant is looked at.
      let qmp = try guest.qmp
      for _ in 1...10 {
        try qmp.execute("cont")
        Thread.sleep(forTimeInterval: 0.2)
        try qmp.execute("stop")
        if try expectTasksInQueues(guest) { return }
      }
      Issue.record("in ten instants a task was neither running nor in a queue")
    }

    /// - Returns: false where a task neither runs nor is in a queue, or is in both.
    private func expectTasksInQueues(_ guest: LiveGuest) throws -> Bool {
      let dump = try #require(try answer(guest, "--leave-stopped", "scx", "dump") as? [String: Any])
      let tasks = try #require(dump["tasks"] as? [[String: Any]])
      let made = try guest.truth("task").compactMap { row -> Int? in
        let comm = row["comm"] as? String ?? ""
        let stat = row["stat"] as? String ?? ""
        return comm.hasPrefix("gs-scx-") ? Int(stat.prefix { $0 != " " }) : nil
      }
      try #require(made.count > 1)
      let ours = tasks.filter { made.contains($0["pid"] as? Int ?? -1) }
      #expect(ours.count == made.count)
      #expect(ours.allSatisfy { $0["state"] as? String == "SCX_TASK_ENABLED" })
      #expect(ours.allSatisfy { $0["class"] as? String == "ext" })
      let cpus = try #require(dump["cpus"] as? [[String: Any]])
      #expect(cpus.count == (try guest.cpuCount))
      let running = cpus.compactMap { $0["pid"] as? Int }
      var queued: [Int] = []
      for queue in try #require(dump["dsqs"] as? [[String: Any]]) {
        let pids = (queue["tasks"] as? [[String: Any]] ?? []).compactMap { $0["pid"] as? Int }
        guard queue["nr"] as? Int == pids.count else { return false }
        for pid in pids {
          let task = try #require(ours.first { $0["pid"] as? Int == pid })
          #expect(task["dsq"] as? String == queue["id"] as? String)
        }
        queued += pids
      }
      #expect(Set(queued).count == queued.count)
      // All want to run.
      guard queued.count > 1, made.allSatisfy({ queued.contains($0) != running.contains($0) })
      else {
        return false
      }
      let runnable = cpus.flatMap { $0["runnable"] as? [[String: Any]] ?? [] }
        .compactMap { $0["pid"] as? Int }
      #expect(Set(queued).isSubset(of: runnable))
      return true
    }

    @Test func aKernelWithoutItSaysSo() throws {
      for words in [["show"], ["state"], ["exit"], ["dump"]] {
        let result = try Program(LiveGuest("x86-6.1"), ["scx"] + words).run()
        #expect(result.status == 1 && result.out.isEmpty)
        #expect(result.err.contains("has no sched_ext"), "\(result.err)")
      }
    }
  }
}
