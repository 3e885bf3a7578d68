import Foundation
import Testing

extension LiveTests {
  /// Run queues against files of proc, which the guest has read a while before.
  @Suite struct RunQueueTests {
    private func queues(_ guest: LiveGuest) throws -> [String: Any] {
      let result = try Program(guest, ["-j", "runqueue"]).run()
      #expect(result.status == 0, "\(result.err)")
      return try #require(try result.json() as? [String: Any])
    }

    /// Guests that show their run queues, and that lived on after the truth.
    private static var guests: [LiveGuest] {
      LiveGuest.resting.filter { $0.label != "arm64-6.1" && !$0.hasCrashed && !$0.isDebian }
    }

    private func number(_ object: Any?, _ key: String) throws -> Int {
      try #require((object as? [String: Any])?[key] as? Int, "\(key)")
    }

    /// The numbers of lines that begin with a word, by their CPU.
    private func rows(_ text: String?, prefix: String) -> [Int: [Int]] {
      var rows: [Int: [Int]] = [:]
      for line in (text ?? "").split(separator: "\n") where line.hasPrefix(prefix) {
        // The sum over all CPUs has no number.
        let words = line.dropFirst(prefix.count)
          .split(separator: " ", omittingEmptySubsequences: false)
        guard let cpu = words.first.flatMap({ Int($0) }) else { continue }
        rows[cpu] = words.dropFirst().compactMap { Int($0) }
      }
      return rows
    }

    @Test(arguments: guests)
    func statisticsGoOnFromWhatProcHasShown(guest: LiveGuest) throws {
      let truth = rows(try guest.files("proc")["schedstat"], prefix: "cpu")
      try #require(!truth.isEmpty)
      let cpus = try #require(try queues(guest)["cpus"] as? [[String: Any]])
      #expect(cpus.count == (try guest.cpuCount))
      let keys = [
        "yld_count", nil, "sched_count", "sched_goidle", "ttwu_count", "ttwu_local",
        "rq_cpu_time_ns", "run_delay_ns", "pcount",
      ]
      for (cpu, row) in truth {
        let queue = try #require(cpus.first { $0["cpu"] as? Int == cpu })
        let clock = try number(queue, "clock_ns")
        for (key, value) in zip(keys, row) {
          guard let key else { continue }
          let ours = try number(queue["schedstat"], key)
          #expect(ours >= value, "\(key) of CPU \(cpu)")
          // A guest at rest does not double it, nor run for longer than it has lived.
          #expect(ours <= max(2 * value, value + (key.hasSuffix("_ns") ? clock : 100_000)))
        }
      }
    }

    @Test(arguments: guests)
    func timesAndSoftirqsGoOnFromWhatProcHasShown(guest: LiveGuest) throws {
      let files = try guest.files("proc")
      let truth = rows(files["stat"], prefix: "cpu")
      let cpus = try #require(try queues(guest)["cpus"] as? [[String: Any]])
      let names = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"]
      for (cpu, row) in truth {
        let queue = try #require(cpus.first { $0["cpu"] as? Int == cpu })
        let times = try #require(queue["time_ns"] as? [String: Int])
        // Ticks of a hundredth of a second.
        for (name, ticks) in zip(names, row) where name != "idle" && name != "iowait" {
          #expect(times[name] ?? -1 >= ticks * 10_000_000, "\(name) of CPU \(cpu)")
        }
        let all = names.reduce(0) { $0 + (times[$1] ?? 0) }
        let expected = row.prefix(names.count).reduce(0, +) * 10_000_000
        // An idle period that goes on may not be in it yet.
        #expect(all > expected / 2, "CPU \(cpu): \(all) of \(expected)")
        #expect(try number(queue, "interrupts") > 0)
      }
      let all = try #require(
        (files["stat"] ?? "").split(separator: "\n").first { $0.hasPrefix("intr ") }?
          .split(separator: " ")[1])
      let ours = try cpus.reduce(0) { try $0 + number($1, "interrupts") }
      #expect(ours >= Int(all) ?? .max, "\(ours) of \(all)")
      let softirqs = (files["softirqs"] ?? "").split(separator: "\n").dropFirst()
      #expect(softirqs.count == 10)
      for line in softirqs {
        let words = line.split(separator: " ")
        let name = String(words[0].dropLast())
        for (cpu, count) in zip(truth.keys.sorted(), words.dropFirst()) {
          let queue = try #require(cpus.first { $0["cpu"] as? Int == cpu })
          #expect(try number(queue["softirqs"], name) >= Int(count) ?? .max, "\(line)")
        }
      }
    }

    @Test(arguments: guests)
    func pressureGoesOnFromWhatProcHasShown(guest: LiveGuest) throws {
      let files = try guest.files("proc").filter { $0.key.hasPrefix("pressure/") }
      guard !files.isEmpty else {
        #expect(try queues(guest)["pressure"] is NSNull)
        return
      }
      let ours = try #require(try queues(guest)["pressure"] as? [[String: Any]])
      var lines = 0
      for (file, text) in files {
        for line in text.split(separator: "\n") {
          let (share, total) = (
            String(line.prefix { $0 != " " }), Int(line.drop { $0 != "t" }.dropFirst(6)) ?? .max
          )
          lines += 1
          let row = try #require(
            ours.first {
              "pressure/\($0["resource"] ?? "")" == file && $0["share"] as? String == share
            }, "\(file) \(line)")
          #expect(row["total_ns"] as? Int ?? -1 >= total * 1000, "\(file) \(line)")
          // The kernel has this for cgroups alone, and shows zeros of the whole system.
          if file == "pressure/cpu" && share == "full" { #expect(row["total_ns"] as? Int == 0) }
          for key in ["avg10", "avg60", "avg300"] {
            #expect((0...100).contains(row[key] as? Double ?? -1))
          }
        }
      }
      #expect(lines == ours.count || files["pressure/cpu"]?.contains("full") == false)
    }

    @Test func oneCPUIsShownAlone() throws {
      let guest = LiveGuest("x86-6.1")
      for cpu in 0..<(try guest.cpuCount) {
        let result = try Program(guest, ["-j", "runqueue", "\(cpu)"]).run()
        #expect(result.status == 0, "\(result.err)")
        let document = try #require(try result.json() as? [String: Any])
        let rows = try #require(document["cpus"] as? [[String: Any]])
        #expect(rows.map { $0["cpu"] as? Int } == [cpu])
      }
      let none = try Program(guest, ["runqueue", "99"]).run()
      #expect(none.status == 1 && none.err.contains("the guest has no CPU 99"), "\(none.err)")
    }

    @Test func aKernelThatDoesNotShowThemSaysSo() throws {
      let result = try Program(LiveGuest("arm64-6.1"), ["runqueue"]).run()
      #expect(result.status == 1 && result.err.contains("runqueues"), "\(result.err)")
    }
  }
}
