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
      func stats() throws -> ChildProcess.Outcome {
        try Program(
          ["-c", guest.target, "-k", LiveGuest("x86-6.1").kernel, "prog", "stats", "-j"]
        ).run()
      }
      var notices: [String] = []
      let stub = try stub(of: guest.target) { notices.append($0) }
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
      #expect(eventually(seconds: 60) { running.out.contains("\n") })
      #expect(try qmp.status == "paused")
      kill(running.identifier, signal)
      #expect(running.wait() == 128 + signal)
      #expect(try qmp.runs)
    }

    /// What a debugger makes of it is a fault of its own: it jumps to where nothing is.
    @Test(.enabled(if: GDB.isInstalled, GDB.absence)) func aCrashSaysThatItIsOne() throws {
      let child = try ChildProcess(
        GDB.path,
        [
          "-nx", "-batch", "-ex", "handle SIGSEGV nostop noprint pass", "-ex",
          "catch syscall connect", "-ex", "run", "-ex", "set $pc = 0x10", "-ex", "delete", "-ex",
          "continue", "--args", Program.path, "-c", "unix:/no/such/socket", "info",
        ])
      _ = child.wait()
      let line = /guestscope: the program has crashed \(signal 11\) at 0x[0-9a-f]{16},/
      #expect(child.err.contains(line), "\(child.out)\(child.err)")
      #expect(child.err.contains(/this line \(0x[0-9a-f]+\)\n/), "\(child.err)")
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP], [[], ["--hold"]])
    func aSignalLetsTheGuestGoOn(signal: Int32, options: [String]) throws {
      let guest = LiveGuest("x86-6.1")
      let qmp = try guest.qmp
      let arguments =
        options + Array(repeating: ["-e", "prog list -j"], count: 2000).flatMap(\.self)
      for _ in 0..<3 {
        let running = try Program(guest, arguments).start()
        #expect(eventually(seconds: 60) { running.out.contains("\n") })
        if options == ["--hold"] { #expect(try qmp.status == "paused") }
        usleep(UInt32.random(in: 0..<50_000))
        kill(running.identifier, signal)
        #expect(running.wait() == 128 + signal)
        #expect(try qmp.runs)
      }
    }
  }
}
