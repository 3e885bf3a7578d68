import Foundation
import Testing

extension LiveTests {
  /// Guests that have died or hang, and were stopped since: what a report says of it in its first ten
  /// lines.
  @Suite(.timeLimit(.minutes(5))) struct DeathTests {
    static let dead = LiveGuest.all.filter { !$0.deaths.isEmpty }

    /// By kind, what must be in one line each.
    private static let signs: [String: [[String]]] = [
      "panic": [["panic: Kernel panic - not syncing: gs: it was asked to"]],
      "null": [["oops: ", "NULL pointer dereference", "at gs_null+", "[gs_dying]"]],
      "hung": [["hung task: INFO: task gs-hung:", " blocked "]],
      "scx-stall": [["sched_ext: BPF scheduler \"gs_queue\" disabled (runnable task stall)"]],
      "oom": [["out of memory: ", "ut of memory: Killed process", "(gs-oom)"]],
      // What the kernel says, and what the CPU shows.
      "preempt-off": [
        ["lockup: ", "soft lockup", "gs-preempt-off"],
        ["lockup: CPU ", " has not come back to its scheduler", "gs_preempt_off", "[gs_dying]"],
      ],
      // No watchdog has spoken yet, and none will on that CPU.
      "irqs-off": [
        [
          "lockup: CPU ", " has not come back to its scheduler", "gs_irqs_off", "[gs_dying]",
          "interrupts are off",
        ]
      ],
      "spinlock": [
        ["lockup: CPU 0 has not come back", "gs-spinlock", "spin_lock_slowpath", "a spinlock"],
        ["lockup: CPU 1 has not come back", "gs-spinlock", "spin_lock_slowpath", "a spinlock"],
      ],
    ]

    private func expect(_ signs: [[String]], in lines: [Substring]) {
      for sign in signs {
        #expect(lines.contains { line in sign.allSatisfy(line.contains) }, "\(sign) in \(lines)")
      }
    }

    @Test(arguments: dead)
    func theReportNamesTheCauseInItsFirstTenLines(guest: LiveGuest) throws {
      let result = try Program(guest, ["--leave-stopped", "report"]).run()
      #expect(result.status == 0, "\(result.err)")
      let head = Array(result.out.split(separator: "\n").prefix(10))
      print("\(guest.label):\n" + head.joined(separator: "\n"))
      for death in guest.deaths { expect(try #require(Self.signs[death]), in: head) }
      // Whatever a CPU does not do, its memory is of one instant.
      let document = try #require(
        try Program(guest, ["--leave-stopped", "-j", "report"]).run().json() as? [String: Any])
      #expect(document["run_state"] as? String != "running")
      #expect(document["stops"] as? Int == 1)
    }

    /// With nothing but its port, and its kernel sought in the memory of what is left of it.
    @Test(arguments: dead)
    func theKernelIsFoundWithoutAFile(guest: LiveGuest) throws {
      let result = try Program(portOf: guest, ["--leave-stopped", "report"]).run()
      #expect(result.status == 0, "\(result.err)")
      for death in guest.deaths {
        expect(
          try #require(Self.signs[death]), in: Array(result.out.split(separator: "\n").prefix(10)))
      }
    }

    /// A kernel that waits for its root file system, which never comes. Its data are not read-only yet,
    /// so that it is known by its file alone. One CPU: a kernel that patches code which another vCPU
    /// runs crashes in one boot of thirty (see boot in scripts/test).
    @Test(arguments: ["x86-6.1", "x86-7"])
    func aBootThatDoesNotEndSaysWhatItWaitsFor(name: String) throws {
      let guest = try BootingGuest(
        name, append: "rdinit=/none root=/dev/none rootwait loglevel=7 maxcpus=1")
      try guest.wait(for: "Waiting for root device /dev/none")
      // The newest kernels say a little more.
      sleep(3)
      func lastLine() throws -> String {
        let line = try #require(guest.console.split(whereSeparator: \.isNewline).last)
        return String(line.drop { $0 != "]" }.dropFirst(2))
      }
      var before = try lastLine()
      let guests = ProcessInfo.processInfo.environment["GUESTSCOPE_GUESTS"] ?? ""
      let file = guests + "/\(name)/vmlinuz"
      var result = try Program(["-c", guest.target, "-k", file, "report"]).run()
      // Something may be logged meanwhile.
      while try before != lastLine() {
        before = try lastLine()
        result = try Program(["-c", guest.target, "-k", file, "report"]).run()
      }
      #expect(result.status == 0, "\(result.err)")
      expect(
        [
          [
            "boot: the kernel has not come up yet (SYSTEM_",
            "the last record of its log is: " + before,
          ]
        ],
        in: Array(result.out.split(separator: "\n").prefix(10)))
    }

    /// What is found without a file may be nothing yet; then that is what is said, with the way out.
    @Test func aGuestThatIsStoppedInItsEarlyBootSaysSo() throws {
      let guest = try BootingGuest("x86-6.1", append: "loglevel=7")
      try guest.wait(for: "Linux version")
      try guest.qmp.execute("stop")
      let result = try Program(["-c", guest.target, "report"]).run()
      #expect(result.status == 1 && result.err.contains("the guest is booting"), "\(result.err)")
      #expect(result.err.contains("file with -k"))
    }
  }
}
