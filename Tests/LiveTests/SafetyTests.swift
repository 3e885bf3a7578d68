import Foundation
import GuestScopeGDBStub
import GuestScopeGuestMemory
import TestSupport
import Testing

extension LiveTests {
  /// The guest comes first: however a run of the program ends, the guest is as it was.
  @Suite struct SafetyTests {
    /// QEMU up to 8.0 tells by itself that the guest was stopped; later ones do not.
    @Test(arguments: [[], ["--leave-stopped"]])
    func aGuestThatTheMonitorStoppedStaysStopped(options: [String]) throws {
      let guest = LiveGuest("x86-6.1")
      let qmp = try guest.qmp
      try qmp.execute("stop")
      defer { _ = try? qmp.execute("cont") }
      let result = try Program(guest, options + ["prog", "list", "-j"]).run()
      #expect(result.status == 0, "\(result.err)")
      #expect(try result.objects().count == (try guest.truth("prog").count))
      #expect(try qmp.status == "paused")
    }

    /// A guest that panics and then stands still, also between two of our stops: the answers are as
    /// before, and it is not let go, for it would reboot.
    @Test(.timeLimit(.minutes(3))) func aGuestThatCrashedIsReadAndStaysAsItIs() throws {
      let guest = try BootingGuest(
        "x86-6.1", append: "unknown_nmi_panic", arguments: ["-no-shutdown"])
      try guest.waitUntilReady()
      func stats() throws -> Program.Result {
        try Program(
          ["-c", guest.target, "-k", LiveGuest("x86-6.1").kernel, "prog", "stats", "-j"]
        ).run()
      }
      var notices: [String] = []
      var options = StubOptions()
      // A machine that is busy is a long way off.
      options.notice = { if !$0.hasPrefix("the way to ") { notices.append($0) } }
      let stub = try QEMUStub(try #require(StubTarget(guest.target)), options: options)
      let before = try stats()
      #expect(before.status == 0, "\(before.err)")

      let qmp = try guest.qmp
      try qmp.execute("inject-nmi")
      #expect(
        try eventually(seconds: 120) { try qmp.status == "shutdown" },
        "\(guest.console.suffix(1000))")
      _ = try stub.sample(
        ranges: [PhysicalRange(PhysicalAddress(0x1000), count: 64)], registers: [])
      #expect(stub.runState == .stopped(reason: "shutdown"))
      #expect(notices.count == 1)
      #expect(try stats().out == before.out)
      #expect(try qmp.status == "shutdown")
    }

    /// A crash of our own: Swift's traps are SIGILL and SIGTRAP.
    @Test(arguments: [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE])
    func aCrashDuringAHoldLetsTheGuestGoOn(signal: Int32) throws {
      let guest = LiveGuest("x86-6.1")
      let qmp = try guest.qmp
      let script = Array(repeating: ["-e", "prog list -j"], count: 2000).flatMap(\.self)
      let running = try Program(guest, ["--hold"] + script).start()
      try waitUntil { running.out.contains("\n") }
      #expect(try qmp.status == "paused")
      kill(running.identifier, signal)
      #expect(running.wait() == 128 + signal)
      #expect(try qmp.runs)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP], [[], ["--hold"]])
    func aSignalLetsTheGuestGoOn(signal: Int32, options: [String]) throws {
      let guest = LiveGuest("x86-6.1")
      let qmp = try guest.qmp
      let arguments =
        options + Array(repeating: ["-e", "prog list -j"], count: 2000).flatMap(\.self)
      for _ in 0..<3 {
        let running = try Program(guest, arguments).start()
        try waitUntil { running.out.contains("\n") }
        if options == ["--hold"] { #expect(try qmp.status == "paused") }
        usleep(UInt32.random(in: 0..<50_000))
        kill(running.identifier, signal)
        #expect(running.wait() == 128 + signal)
        #expect(try qmp.runs)
      }
    }

    /// Waits until something is so, at most a minute.
    private func waitUntil(_ condition: () -> Bool) throws {
      for _ in 0..<6000 {
        if condition() { return }
        usleep(10_000)
      }
      Issue.record("it did not come")
    }
  }
}
