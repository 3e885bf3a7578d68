import Foundation
import GuestScopeGDBStub
import GuestScopeGuestMemory
import TestSupport
import Testing

extension LiveTests {
  /// What each version of QEMU does with a guest that runs, or that somebody stopped.
  @Suite struct RunStateTests {
    private let page = [PhysicalRange(PhysicalAddress(0x1000), count: 64)]

    private func info(_ qemu: PlainQEMU, _ options: [String] = []) throws -> ChildProcess.Outcome {
      let result = try Program(options + ["-c", qemu.target, "info", "-j"]).run()
      // No kernel: an answer in part.
      #expect(result.status == 2, "\(result.err)")
      return result
    }

    private func runState(_ result: ChildProcess.Outcome) throws -> String? {
      (try result.json() as? [String: Any])?["run_state"] as? String
    }

    @Test(arguments: QEMUProgram.all, [false, true])
    func aRunningGuestRunsOnAfterEverySession(program: QEMUProgram, isUnix: Bool) throws {
      let qemu = try PlainQEMU(program: program, isUnix: isUnix)
      for round in 0..<3 {
        for options in [[], ["--hold"]] {
          let result = try info(qemu, options)
          #expect(try runState(result) == (options.isEmpty ? "running" : "held"))
          #expect(try qemu.qmp.status == "running")
          // Where QEMU left it open whether its guest ran, the user is told: once, for it tells
          // who comes after us.
          let isOpen = !qemu.alwaysTellsStops && round == 0 && options.isEmpty
          #expect(result.err.contains("--leave-stopped") == isOpen, "\(result.err)")
        }
      }
    }

    @Test(arguments: QEMUProgram.all, [false, true])
    func aGuestThatWaitsForItsStartStillWaits(program: QEMUProgram, isUnix: Bool) throws {
      let qemu = try PlainQEMU(["-S"], program: program, isUnix: isUnix)
      for _ in 0..<2 {
        let told = try info(qemu)
        #expect(try runState(told) == "stopped (prelaunch)")
        // What `info` answers it need not say; another command says it in a line.
        #expect(!told.err.contains("prelaunch"))
        let regs = try Program(["-c", qemu.target, "regs", "0"]).run()
        #expect(regs.err == "guestscope: the guest is stopped (prelaunch), and is left stopped\n")
        #expect(try qemu.qmp.status == "prelaunch")
      }
    }

    @Test(arguments: QEMUProgram.all)
    func aGuestThatHasEndedStaysSo(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(["-no-reboot", "-no-shutdown"], program: program)
      try qemu.qmp.execute("system_reset")
      usleep(200_000)
      #expect(try runState(try info(qemu)) == "stopped (shutdown)")
      #expect(try qemu.qmp.status == "shutdown")
    }

    /// QEMU up to 8.0 reports by itself whether the guest was stopped. Later ones do so once a client
    /// has let the guest go on; before that running is the rule, and the user hears of the option.
    @Test(arguments: QEMUProgram.all, [[], ["--leave-stopped"]])
    func aGuestThatTheMonitorStopped(program: QEMUProgram, options: [String]) throws {
      let qemu = try PlainQEMU(program: program)
      for round in 0..<3 {
        try qemu.qmp.execute("stop")
        let result = try info(qemu, options)
        let staysStopped = qemu.alwaysTellsStops || !options.isEmpty || round > 0
        #expect(try runState(result) == (staysStopped ? "stopped" : "running"))
        #expect(try qemu.qmp.status == (staysStopped ? "paused" : "running"))
        #expect(result.err.contains("--leave-stopped") == !staysStopped, "\(result.err)")
      }
    }

    @Test(arguments: QEMUProgram.all)
    func aGuestThatIsStoppedBetweenTwoOfOurStopsStaysStopped(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(program: program)
      let qmp = try qemu.qmp
      var notices: [String] = []
      let session = try stub(of: qemu.target) { notices.append($0) }
      notices = []
      for round in 1...2 {
        _ = try session.sample(ranges: page, registers: [])
        #expect(try qmp.status == "running")
        try qmp.execute("stop")
        // The answer is as good as any; the guest is put back.
        _ = try session.sample(ranges: page, registers: [])
        #expect(try qmp.status == "paused")
        #expect(notices.count == 2 * round - 1)
        _ = try session.sample(ranges: page, registers: [])
        #expect(try qmp.status == "paused")
        // And the other way: somebody lets it go on.
        try qmp.execute("cont")
        _ = try session.sample(ranges: page, registers: [])
        #expect(try qmp.status == "running")
        #expect(notices.count == 2 * round)
      }
    }

    /// Stopped and let go again, as a snapshot does: from 8.1 on QEMU tells that from a guest that
    /// is still stopped in nothing, and the user gets to know how to let it go on.
    @Test(arguments: QEMUProgram.all)
    func aGuestThatIsStoppedAndLetGoBetweenTwoOfOurStops(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(program: program)
      let qmp = try qemu.qmp
      var notices: [String] = []
      let stub = try stub(of: qemu.target) { notices.append($0) }
      _ = try stub.sample(ranges: page, registers: [])
      try qmp.execute("stop")
      try qmp.execute("cont")
      _ = try stub.sample(ranges: page, registers: [])
      #expect(try qmp.status == (qemu.alwaysTellsStops ? "running" : "paused"))
      #expect(notices.last?.contains("type cont") ?? false == !qemu.alwaysTellsStops)
    }

    /// As above, while we hold it: our own `c` comes when the guest runs.
    @Test(arguments: QEMUProgram.all, [false, true])
    func aHeldGuestThatTheMonitorLetsGoRunsOn(program: QEMUProgram, isSignal: Bool) throws {
      let qemu = try PlainQEMU(program: program)
      let debt = ResumeDebt()
      let stub = try QEMUStub(try #require(StubTarget(qemu.target)), debt: debt)
      for _ in 0..<3 {
        try stub.hold()
        _ = try stub.sample(ranges: page, registers: [])
        #expect(try qemu.qmp.status == "paused")
        try qemu.qmp.execute("cont")
        if isSignal {
          debt.pay()
          break
        }
        try stub.release()
        #expect(try qemu.qmp.status == "running")
      }
      usleep(50_000)
      #expect(try qemu.qmp.status == "running")
    }

    @Test(arguments: QEMUProgram.all, [false, true])
    func thePhysicalMemoryModeIsLeftAsItWasFound(program: QEMUProgram, isOn: Bool) throws {
      let qemu = try PlainQEMU(program: program)
      _ = try talk(
        to: qemu, isOn ? "$Qqemu.PhyMemMode:1#77" : "$Qqemu.PhyMemMode:0#76", until: "OK")
      let stub = try stub(of: qemu.target)
      _ = try stub.sample(ranges: page, registers: [])
      _ = try talk(to: qemu, "$qqemu.PhyMemMode#2c", until: isOn ? "$1#31" : "$0#30")
      #expect(try qemu.qmp.status == "running")
    }

    /// RAM of a device that is gone with a reset. QEMU 11 refuses to read there (E14), earlier ones
    /// read zeros.
    @Test(arguments: QEMUProgram.all)
    func aRangeThatVanishedTakesNothingElseWithIt(program: QEMUProgram) throws {
      // RAM to QEMU, as a DIMM is, and a device's.
      let qemu = try PlainQEMU(
        [
          "-object", "memory-backend-ram,id=shared,size=4M", "-device",
          "ivshmem-plain,memdev=shared",
        ], program: program)
      var found = try stub(of: qemu.target)
      // The firmware maps it, above the 64 MiB of the guest.
      for _ in 0..<100 where found.ram.end <= 0x400_0000 {
        usleep(100_000)
        found = try stub(of: qemu.target)
      }
      let shared = try #require(found.ram.regions.last { $0.lowerBound >= 0x400_0000 })
      try qemu.qmp.execute("stop")
      try qemu.qmp.execute("system_reset")
      usleep(200_000)
      let vanished = PhysicalRange(PhysicalAddress(shared.lowerBound), count: 4096)
      let sample = try found.sample(ranges: page + [vanished] + page, registers: [])
      #expect(try sample.memory[0].get().count == 64)
      #expect(try sample.memory[2].get().count == 64)
      switch sample.memory[1] {
      case .success(let bytes):
        #expect(!qemu.refusesHoles)
        #expect(bytes == [UInt8](repeating: 0, count: 4096))
      case .failure(let absence):
        #expect(qemu.refusesHoles)
        #expect("\(absence)".contains("E14"))
      }
    }

    // MARK: The machine

    /// Video memory is RAM to QEMU, and none of the machine's.
    @Test(
      arguments: QEMUProgram.all,
      [
        ["-m", "64M"], ["-m", "64M", "-object", "memory-backend-ram,id=mine,size=64M"],
        [
          "-m", "64M,slots=2,maxmem=1G", "-object", "memory-backend-ram,id=node,size=64M", "-numa",
          "node,memdev=node", "-object", "memory-backend-ram,id=more,size=64M", "-device",
          "pc-dimm,memdev=more",
        ],
      ])
    func onlyTheMachinesRAMCounts(program: QEMUProgram, arguments: [String]) throws {
      let isOwn = arguments.contains { $0.contains("id=mine") }
      let qemu = try PlainQEMU(
        arguments + ["-device", "VGA"], program: program,
        machine: isOwn ? "q35,memory-backend=mine" : "q35")
      for _ in 0..<300 where try !qemu.qmp.monitor("info mtree -f").contains("ram): vga.vram") {
        usleep(100_000)
      }
      let tree = try qemu.qmp.monitor("info mtree -f")
      let line = try #require(tree.split(separator: "\n").first { $0.contains("ram): vga.vram") })
      let video = try #require(UInt64(line.drop { $0 == " " }.prefix { $0 != "-" }, radix: 16))
      let ram = try stub(of: qemu.target).ram
      #expect(!ram.contains(PhysicalRange(PhysicalAddress(video), count: 8)))
      #expect(ram.contains(PhysicalRange(PhysicalAddress(0x10_0000), count: 4096)))
      let hasDIMM = arguments.contains { $0.hasPrefix("pc-dimm") }
      #expect(ram.end == (hasDIMM ? 0x1_0400_0000 : 0x400_0000))
      let result = try Program(["-c", qemu.target, "pread", "\(video)", "8"]).run()
      #expect(result.status == 1 && result.err.contains("outside the guest's RAM"))
    }

    @Test(arguments: QEMUProgram.all)
    func onlyTheMachinesRAMCountsOnArm(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(
        ["-cpu", "cortex-a57", "-S"], program: program.arm64, machine: "virt")
      #expect(try stub(of: qemu.target).ram.regions == [0x4000_0000..<0x4400_0000])
    }

    /// Its CPUs are two clusters, of which a debugger is shown the first.
    @Test(arguments: QEMUProgram.all, [false, true])
    func vCPUsOfAnotherClusterAreALineEach(program: QEMUProgram, runs: Bool) throws {
      let qemu = try PlainQEMU(
        ["-m", "256M"] + (runs ? [] : ["-S"]), program: program.arm64, machine: "xlnx-versal-virt")
      let all = try qemu.qmp.monitor("info cpus").split(separator: "\n")
        .filter { $0.contains("thread_id=") }
      let readable = try stub(of: qemu.target).readableCPUs()
      #expect(readable == [0, 1])
      let regs = try Program(["-c", qemu.target, "regs", "-j"]).run()
      // QEMU up to 7.0 has the first cluster alone.
      #expect(regs.status == (all.count > 2 ? 2 : 0), "\(regs.err)")
      #expect(try regs.objects().count == all.count)
      let notes = regs.err.split(separator: "\n").filter { $0.contains("first cluster") }
      #expect(notes.count == all.count - 2, "\(regs.err)")
      let info = try Program(["-c", qemu.target, "info"]).run()
      let said = all.count > 2 ? "2 of \(all.count) vCPUs" : "2"
      let words = info.out.split(separator: "\n").first { $0.hasPrefix("cpus ") }?
        .split(separator: " ").dropFirst().joined(separator: " ")
      #expect(words == said, "\(info.out)")
      #expect(try qemu.qmp.status == (runs ? "running" : "prelaunch"))
    }

    // MARK: Another debugger

    @Test(arguments: QEMUProgram.all)
    func anotherDebuggerIsNamedAndNotDisturbed(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(program: program)
      let debugger = try attachedDebugger(to: qemu)
      let result = try Program(["-c", qemu.target, "info"]).run()
      #expect(result.status == 1)
      #expect(result.err.contains("another debugger"))
      debugger.send("$c#63")
      usleep(100_000)
      #expect(try qemu.qmp.status == "running")
    }

    /// A probe that waits behind another debugger: what it wrote must not stop the guest later.
    @Test(arguments: QEMUProgram.all)
    func aProbeThatIsNotAnsweredLeavesNoTimeBomb(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(program: program)
      do {
        let debugger = try attachedDebugger(to: qemu)
        let error = #expect(throws: GuestMemError.self) {
          try QEMUStub(try #require(StubTarget(qemu.target)), options: impatient)
        }
        #expect(error?.kind == .silent)
        debugger.send("$c#63")
        usleep(50_000)
      }
      usleep(2_000_000)
      #expect(try qemu.qmp.status == "running")
    }

    /// The same with a glance, whose `c` is under way already: a second one would stop the guest.
    @Test(arguments: QEMUProgram.all)
    func aGlanceThatIsNotAnsweredLeavesNoTimeBomb(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(program: program)
      let stub = try QEMUStub(try #require(StubTarget(qemu.target)), options: impatient)
      do {
        let debugger = try attachedDebugger(to: qemu)
        let error = #expect(throws: GuestMemError.self) {
          try stub.sample(ranges: [], registers: [])
        }
        #expect(error?.kind == .silent)
        debugger.send("$c#63")
        usleep(50_000)
      }
      usleep(2_000_000)
      #expect(try qemu.qmp.status == "running")
    }

    private var impatient: StubOptions {
      var options = StubOptions()
      options.checksLocalPeers = false
      options.timeout = .milliseconds(300)
      return options
    }

    private func attachedDebugger(to qemu: PlainQEMU) throws -> TCPSocket {
      let debugger = TCPSocket()
      try #require(debugger.connect(to: qemu.port))
      debugger.send("$?#3f")
      #expect(debugger.receive(until: "T05").contains("T05"))
      return debugger
    }

    /// One packet in a connection of its own, at whose end the guest runs.
    private func talk(to qemu: PlainQEMU, _ packet: String, until end: String) throws -> String {
      let socket = TCPSocket()
      try #require(socket.connect(to: qemu.port))
      socket.send(packet + "$c#63")
      let answer = socket.receive(until: end)
      #expect(answer.contains(end), "\(answer)")
      return answer
    }
  }
}
