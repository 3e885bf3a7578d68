import Foundation
import GuestScopeGDBStub
import TestSupport
import Testing

@testable import Commands

extension LiveTests {
  /// A guest that is asked all the time while it boots.
  @Suite struct BootTests {
    @Test(.timeLimit(.minutes(15)), arguments: ["x86-6.1", "arm64-6.12"])
    func atEveryMomentOfTheBootThereIsAnAnswerOrAReason(guest: String) throws {
      let booting = try BootingGuest(guest)
      var (hasAnswered, isReady) = (false, false)
      repeat {
        isReady = booting.isReady
        try booting.requireLife()
        let result = try Program(
          ["-c", booting.target, "-k", LiveGuest(guest).kernel, "prog", "list", "-j"]
        ).run()
        switch result.status {
        case 0, 2:
          hasAnswered = true
          #expect(try result.json() is [Any])
        case 1:
          try #require(result.err.contains("try again"), "\(result.err)")
          #expect(!hasAnswered, "\(result.err)")
        default: Issue.record("exit status \(result.status): \(result.err)")
        }
      } while !isReady
      #expect(hasAnswered)
    }

    /// A kernel in which nobody has loaded anything or asked for statistics.
    @Test(.timeLimit(.minutes(15)))
    func aGuestWithoutProgramsThatCountsNothing() throws {
      let booting = try BootingGuest("x86-6.1", append: "rdinit=/bin/busybox -- sleep 1000000")
      func ask(_ words: String...) throws -> ChildProcess.Outcome {
        let guest = ["-c", booting.target, "-k", LiveGuest("x86-6.1").kernel]
        while true {
          try booting.requireLife()
          let result = try Program(guest + words).run()
          if result.status != 1 || !result.err.contains("try again") { return result }
          usleep(500_000)
        }
      }
      let stats = try ask("prog", "stats", "-j")
      #expect((stats.status, stats.out) == (0, "[]\n"))
      #expect(stats.err.contains("has no struct_ops programs, and none of other types"))
      #expect(stats.err.contains("bpf_stats_enabled is 0"))
      #expect(try ask("prog", "stats", "type", "struct_ops").status == 1)
      let info = try ask("info", "-j")
      #expect((try info.json() as? [String: Any])?["bpf_stats_enabled"] as? Bool == false)
      // While it still boots, the stack of a CPU may move faster than it can be read.
      var report = try ask("report")
      let end = Date(timeIntervalSinceNow: 120)
      while report.status == 2, Date() < end {
        usleep(500_000)
        report = try ask("report")
      }
      #expect(
        report.out.contains("no struct_ops programs") && report.status == 0, "\(report.err)")
      #expect(report.out.contains("bpf_stats_enabled is 0"))
    }

    /// Sessions that were opened at many moments of a boot and are asked all the time, over a reset
    /// as well: in the end each says what a new process says. So do runs that have a cache from before
    /// the reset, in which the kernel is the same and the guest is not.
    @Test(.timeLimit(.minutes(15)), arguments: ["x86-6.1", "arm64-6.12"])
    func aSessionOutlivesEveryBoot(guest: String) throws {
      let booting = try BootingGuest(guest, arguments: ["-action", "reboot=reset"])
      let question = ["-c", booting.target, "-k", LiveGuest(guest).kernel]
      let cache = NSTemporaryDirectory() + "gs-cache-\(UUID().uuidString)"
      defer { try? FileManager.default.removeItem(atPath: cache) }
      var sessions: [Session] = []
      for boot in 1...2 {
        while booting.readyCount < boot {
          try booting.requireLife()
          if sessions.count < 6 {
            let console = Console(output: STDOUT_FILENO, errors: open("/dev/null", O_WRONLY))
            sessions.append(
              Session(
                try SessionOptions.parse(question), console: console, debt: ResumeDebt(),
                isShared: true))
          }
          for session in sessions {
            // A structure that is just being set up may be said to be damaged: what counts is that
            // nothing of it is believed later.
            _ = try? programs(session)
          }
          usleep(100_000)
        }
        let told = try Program(question + ["--no-cache", "prog", "list", "-j"]).run()
        #expect(told.status == 0, "\(told.err)")
        for words in [["-c", booting.target], question] {
          let known = try Program(
            words + ["prog", "list", "-j"], environment: ["XDG_CACHE_HOME": cache]
          ).run()
          #expect(known.out == told.out && known.status == 0, "\(known.err)")
        }
        #expect(sessions.count > 1)
        // Each object by itself, so that a difference is seen.
        let truth = told.out.split(separator: "{")
        for session in sessions {
          let own = try (programs(session) + "\n").split(separator: "{")
          #expect(own.count == truth.count)
          for (own, other) in zip(own, truth) where own != other {
            Issue.record("a new process says \(other), and a session says \(own)")
          }
        }
        try booting.qmp.execute("system_reset")
      }
    }

    private func programs(_ session: Session) throws -> String {
      let command = try #require(try Root.parse(words: ["prog", "list"]) as? any GuestCommand)
      return try command.answer(in: session).document.text(pretty: false)
    }

    @Test func aBootLoaderIsNamed() throws {
      // `jmp .` is boot loader enough.
      let sector = [0xeb, 0xfe] + [UInt8](repeating: 0, count: 508) + [0x55, 0xaa]
      let rest = [UInt8](repeating: 0, count: 1 << 20)
      try withFile(Data(sector + rest)) { disk in
        let qemu = try PlainQEMU(["-drive", "file=\(disk),format=raw"])
        // From the firmware to 0x7c00, where a boot sector is.
        var rip = ""
        for _ in 0..<600 where rip != "0x7c00" {
          let registers = try Program(["-c", qemu.target, "regs", "0", "-j"]).run().objects()
          rip = (registers.first?["registers"] as? [String: String])?["rip"] ?? ""
          usleep(100_000)
        }
        #expect(rip == "0x7c00")
        let result = try Program(
          ["-c", qemu.target, "-k", LiveGuest("x86-6.1").kernel, "prog", "list"]
        ).run()
        #expect(result.status == 1)
        #expect(result.err.contains("boot loader"), "\(result.err)")
        #expect(try qemu.qmp.status == "running")
      }
    }
  }
}
