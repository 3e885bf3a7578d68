import Foundation
import GDBStub
import GuestMemory
import Testing

extension LiveTests {
  /// The guest comes first: however a run of the program ends, the guest is as it was.
  @Suite struct SafetyTests {
    @Test func aGuestThatWaitsForItsStartStillWaits() throws {
      let qemu = try PlainQEMU(["-S"])
      let result = try Program(["-c", qemu.target, "info", "-j"]).run()
      // No kernel: an answer in part.
      #expect(result.status == 2, "\(result.err)")
      let info = try #require(try result.json() as? [String: Any])
      #expect(info["run_state"] as? String == "stopped (prelaunch)")
      #expect(try qemu.qmp.status == "prelaunch")
    }

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

    @Test func aGuestThatIsStoppedBetweenTwoOfOurStopsStaysStopped() throws {
      let guest = LiveGuest("x86-6.1")
      let qmp = try guest.qmp
      defer { _ = try? qmp.execute("cont") }
      var notices: [String] = []
      var options = StubOptions()
      options.notice = { notices.append($0) }
      let stub = try QEMUStub(try #require(StubTarget(guest.target)), options: options)
      let page = [PhysicalRange(PhysicalAddress(0x1000), count: 64)]
      _ = try stub.sample(ranges: page, registers: [])
      #expect(try qmp.status == "running")
      try qmp.execute("stop")
      // The answer is as good as any; the guest is put back.
      _ = try stub.sample(ranges: page, registers: [])
      #expect(try qmp.status == "paused")
      #expect(notices.count == 1)
      _ = try stub.sample(ranges: page, registers: [])
      #expect(try qmp.status == "paused")
      // And the other way: somebody lets it go on.
      try qmp.execute("cont")
      _ = try stub.sample(ranges: page, registers: [])
      #expect(try qmp.status == "running")
      #expect(notices.count == 2)
    }

    @Test func killedAtAnyMomentTheGuestRunsOn() throws {
      let guest = LiveGuest("x86-6.1")
      let qmp = try guest.qmp
      let script = ["info -j"] + Array(repeating: "prog list -j", count: 2000)
      let arguments = script.flatMap { ["-e", $0] }
      for trial in 0..<12 {
        let running = try Program(guest, arguments).start()
        // From the first answer on; before it is the probe, whose window is documented.
        try waitUntil { running.out.contains("\n") }
        usleep(UInt32.random(in: 0..<150_000))
        kill(running.identifier, SIGKILL)
        _ = running.wait()
        usleep(20_000)
        #expect(try qmp.status == "running", "trial \(trial)")
      }
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
        usleep(20_000)
        #expect(try qmp.status == "running")
      }
    }

    @Test func anotherDebuggerIsNamedAndNotDisturbed() throws {
      let qemu = try PlainQEMU()
      let debugger = TCPSocket()
      #expect(debugger.connect(to: qemu.port))
      debugger.send("$?#3f")
      #expect(debugger.receive().contains("$T"))
      let result = try Program(["-c", qemu.target, "info"]).run()
      #expect(result.status == 1)
      #expect(result.err.contains("another debugger"))
      debugger.send("$c#63")
      usleep(100_000)
      #expect(try qemu.qmp.status == "running")
    }

    /// A probe that waits behind another debugger: what it wrote must not stop the guest later.
    @Test func aProbeThatIsNotAnsweredLeavesNoTimeBomb() throws {
      let qemu = try PlainQEMU()
      var options = StubOptions()
      options.checksLocalPeers = false
      options.timeout = .milliseconds(300)
      do {
        let debugger = TCPSocket()
        #expect(debugger.connect(to: qemu.port))
        debugger.send("$?#3f")
        #expect(debugger.receive().contains("T"))
        let error = #expect(throws: GuestMemError.self) {
          try QEMUStub(try #require(StubTarget(qemu.target)), options: options)
        }
        #expect(error?.kind == .silent)
        debugger.send("$c#63")
        usleep(50_000)
      }
      usleep(200_000)
      #expect(try qemu.qmp.status == "running")
    }

    /// The same with a glance, whose `c` is under way already: a second one would stop the guest.
    @Test func aGlanceThatIsNotAnsweredLeavesNoTimeBomb() throws {
      let qemu = try PlainQEMU()
      var options = StubOptions()
      options.checksLocalPeers = false
      options.timeout = .milliseconds(300)
      let stub = try QEMUStub(try #require(StubTarget(qemu.target)), options: options)
      do {
        let debugger = TCPSocket()
        #expect(debugger.connect(to: qemu.port))
        debugger.send("$?#3f")
        #expect(debugger.receive().contains("T"))
        let error = #expect(throws: GuestMemError.self) {
          try stub.sample(ranges: [], registers: [])
        }
        #expect(error?.kind == .silent)
        debugger.send("$c#63")
        usleep(50_000)
      }
      usleep(200_000)
      #expect(try qemu.qmp.status == "running")
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
