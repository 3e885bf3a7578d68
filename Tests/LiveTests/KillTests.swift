import Foundation
import Testing

extension LiveTests {
  /// A guest runs on after every violent end of the program: its guardian sees to that.
  @Suite struct KillTests {
    enum Use: CaseIterable {
      case oneShot, batch, hold

      func arguments(for guest: LiveGuest, _ round: Int) -> [String] {
        // Without the kernel's file nearly all of the time is spent on the guest.
        let (connect, kernel) = (["-c", guest.target], ["-k", guest.kernel])
        switch self {
        case .oneShot:
          return round % 2 == 0
            ? connect + ["regs", "0", "-j"] : connect + kernel + ["prog", "list", "-j"]
        case .batch: return connect + kernel + ["-f", "-"]
        case .hold: return connect + (round % 2 == 0 ? [] : kernel) + ["--hold"] + ["-f", "-"]
        }
      }

      static let script = String(repeating: "regs 0 -j\n", count: 10_000)
    }

    /// How often each use is ended; `scripts/torture` asks for more, on every QEMU.
    private static let rounds =
      Int(ProcessInfo.processInfo.environment["GUESTSCOPE_KILLS"] ?? "") ?? 25
    private static let isTorture = ProcessInfo.processInfo.environment["GUESTSCOPE_KILLS"] != nil
    private static var guests: [LiveGuest] {
      isTorture ? LiveGuest.oneOfEachQEMU : ["x86-6.1", "x86-7"].map { LiveGuest($0) }
    }

    @Test(arguments: guests, Use.allCases)
    func killedAtAnyMomentTheGuestRunsOn(guest: LiveGuest, use: Use) throws {
      let qmp = try guest.qmp
      var longest = 0.1
      var left = 0
      for round in 0..<Self.rounds {
        let running = try Program(use.arguments(for: guest, round)).start(input: Use.script)
        let start = Date()
        let time = Double.random(in: 0..<longest)
        while running.isRunning, Date() < start + time { usleep(500) }
        // Up to its first answer and a little beyond.
        if running.out.contains("\n") || !running.isRunning {
          longest = max(0.02, min(longest, time * 1.1))
        } else {
          longest = min(2, longest * 1.1)
        }
        kill(running.identifier, SIGKILL)
        _ = running.wait()
        guard try !qmp.runs else { continue }
        left += 1
        try qmp.execute("cont")
      }
      #expect(left == 0, "the guest was left standing after \(left) of \(Self.rounds) kills")
    }

    /// The link breaks while the program is suspended, so that only the guardian can make another.
    @Test(arguments: guests)
    func killedAfterItsLinkBrokeTheGuestRunsOn(guest: LiveGuest) throws {
      let qmp = try guest.qmp
      let proxy = Proxy(to: try #require(guest.port))
      defer { proxy.end() }
      let running = try Program(["-c", proxy.target, "--hold", "-f", "-"]).start(input: Use.script)
      while running.isRunning, !running.out.contains("\n") { usleep(1000) }
      kill(running.identifier, SIGSTOP)
      #expect(try qmp.status == "paused")
      proxy.breakLinks()
      kill(running.identifier, SIGKILL)
      _ = running.wait()
      #expect(try qmp.runs)
      try qmp.execute("cont")
    }

    /// Without a guardian the guest stands still for ever: it is the guardian that helps.
    @Test func withoutAGuardianAKillInAHoldLeavesTheGuestStanding() throws {
      let guest = LiveGuest("x86-6.1")
      let qmp = try guest.qmp
      for options in [["--no-guardian"], []] {
        let running = try Program(["-c", guest.target, "--hold", "-f", "-"] + options)
          .start(input: Use.script)
        while running.isRunning, !running.out.contains("\n") { usleep(1000) }
        #expect(try qmp.status == "paused")
        kill(running.identifier, SIGKILL)
        _ = running.wait()
        #expect(try options.isEmpty ? qmp.runs : !qmp.runs(within: 1))
        try qmp.execute("cont")
      }
    }
  }
}
