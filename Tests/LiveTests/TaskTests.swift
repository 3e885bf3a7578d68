import Foundation
import Testing

extension LiveTests {
  /// Tasks against /proc of the guest.
  @Suite struct TaskTests {
    /// A line of /proc/PID/task/TID/stat.
    private struct Truth {
      var pid: Int
      var tgid: Int
      var comm: String
      var state: String
      var parent: Int
      var cpu: Int
      /// Clock ticks since boot, of a hundredth of a second.
      var start: Int
      var priority: Int
      var policy: Int
      /// In the default hierarchy.
      var cgroup: String

      init(_ row: [String: Any]) throws {
        let stat = try #require(row["stat"] as? String)
        // A name may have parentheses in it.
        let (open, close) = (
          try #require(stat.firstIndex(of: "(")), try #require(stat.lastIndex(of: ")"))
        )
        let rest = stat[close...].dropFirst(2).split(separator: " ")
        try #require(rest.count > 38)
        pid = try #require(Int(stat[..<open].dropLast()))
        tgid = try #require(row["tgid"] as? Int)
        comm = try #require(row["comm"] as? String)
        state = String(rest[0])
        parent = try #require(Int(rest[1]))
        start = try #require(Int(rest[19]))
        cpu = try #require(Int(rest[36]))
        priority = try #require(Int(rest[15]))
        policy = try #require(Int(rest[38]))
        let line = try #require(row["cgroup"] as? String)
        try #require(line.hasPrefix("0::"))
        cgroup = String(line.dropFirst(3))
      }

      /// Comes and goes, and has a name made of what it works on.
      var isWorker: Bool { comm.hasPrefix("kworker/") }
    }

    private func tasks(_ guest: LiveGuest, _ words: String...) throws -> [Int: [String: Any]] {
      let result = try Program(guest, ["-j", "task", "list"] + words).run()
      #expect(result.status == 0, "\(result.err)")
      return Dictionary(
        uniqueKeysWithValues: try result.objects().map { ($0["pid"] as? Int ?? -1, $0) })
    }

    @Test(arguments: LiveGuest.resting.filter { !$0.hasCrashed })
    func tasksAreAsProcShowsThem(guest: LiveGuest) throws {
      let truth = try guest.truth("task").map(Truth.init)
      try #require(truth.count > 20)
      let ours = try tasks(guest)
      var states: [String: Int] = [:]
      var compared = 0
      for task in truth where !task.isWorker {
        let our = try #require(ours[task.pid], "\(task)")
        #expect(our["tgid"] as? Int == task.tgid, "\(task)")
        #expect(our["ppid"] as? Int == task.parent, "\(task)")
        #expect(our["start_ns"] as? Int ?? 0 >= task.start * 10_000_000, "\(task)")
        #expect(our["start_ns"] as? Int ?? 0 < (task.start + 1) * 10_000_000, "\(task)")
        #expect(our["cgroup"] as? String == task.cgroup, "\(task)")
        #expect(our["kernel"] as? Bool == (task.pid == 2 || task.parent == 2), "\(task)")
        let (comm, name) = (our["comm"] as? String ?? "", our["name"] as? String ?? "")
        #expect(comm == String(task.comm.prefix(15)), "\(task)")
        #expect(name == task.comm, "\(task)")
        // The loader told the truth itself, and some kernel threads run now and then.
        guard task.comm != "loader", our["running"] as? Bool != true else { continue }
        let state = our["state"] as? String ?? ""
        compared += 1
        if state == task.state { states[state, default: 0] += 1 }
        if task.comm.hasPrefix("gs-") {
          #expect(state == task.state, "\(task)")
          #expect(our["cpu"] as? Int == task.cpu, "\(task)")
        }
      }
      #expect(compared > 20 && states.values.reduce(0, +) > compared * 9 / 10, "\(states)")
      guard truth.contains(where: { $0.comm == "gs-zombie" }) else { return }
      #expect(Set(states.keys).isSuperset(of: ["S", "D", "I", "T", "Z"]), "\(states)")
      // None that lives is left out: those are others that came since.
      #expect(ours.count < truth.count + 30)
    }

    @Test(arguments: LiveGuest.resting.filter { !$0.hasCrashed })
    func oneTaskIsAsProcShowsIt(guest: LiveGuest) throws {
      let truth = try guest.truth("task").map(Truth.init)
      for task in truth where task.pid <= 3 || task.comm.hasPrefix("gs-") {
        let result = try Program(guest, ["-j", "task", "show", "\(task.pid)"]).run()
        #expect(result.status == 0, "\(result.err)")
        let our = try #require(try result.json() as? [String: Any])
        #expect(our["ppid"] as? Int == task.parent, "\(task)")
        #expect(our["tgid"] as? Int == task.tgid, "\(task)")
        #expect(our["prio"] as? Int == task.priority + 100, "\(task)")
        #expect(our["policy"] as? Int == task.policy, "\(task)")
        #expect(our["cgroup"] as? String == task.cgroup, "\(task)")
      }
      let none = try Program(guest, ["task", "show", "4194304"]).run()
      #expect(none.status == 1 && none.err.contains("no task with pid 4194304"), "\(none.err)")
    }

    /// A guest with tasks in all states whose kernel shows its variables.
    @Test func stuckTasksArePickedAndClassesNamed() throws {
      let guest = LiveGuest("x86-6.1-pti")
      let all = try tasks(guest)
      let stuck = try tasks(guest, "--stuck", "1")
      #expect(stuck.values.map { $0["comm"] as? String } == ["gs-waiting"])
      #expect(try tasks(guest, "--stuck", "1e6").isEmpty)
      func row(_ comm: String) throws -> [String: Any] {
        try #require(all.values.first { $0["comm"] as? String == comm })
      }
      #expect(try row("gs-realtime")["class"] as? String == "rt")
      #expect(try row("gs-thread-1")["class"] as? String == "fair")
      #expect(try row("migration/0")["class"] as? String == "stop")
      // Its child, which only sleeps, has its name.
      let pid = try #require(stuck.keys.first)
      let waiting = try #require(all[pid])
      let idle = try #require(waiting["idle_ns"] as? Int)
      #expect(idle > 1_000_000_000)
      #expect(waiting["stuck_ns"] as? Int == idle)
      // However long it has slept: nobody waits for it.
      let sleeping = try all.values.filter { try #require($0["state"] as? String) == "S" }
      #expect(!sleeping.isEmpty && sleeping.allSatisfy { $0["stuck_ns"] is NSNull })
    }
  }
}
