import Foundation
import GuestScopeGDBStub
import GuestScopeGuestMemory
import Testing

extension LiveTests {
  /// Who else has to do with the guest while a session reads: what they did to it is what it is in
  /// afterwards.
  @Suite struct CompanyTests {
    private let page = [PhysicalRange(PhysicalAddress(0x1000), count: 64)]

    // MARK: The monitor

    @Test(arguments: QEMUProgram.all)
    func aStopAtAnyMomentStays(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(program: program)
      let qmp = try qemu.qmp
      let stub = try stub(of: qemu.target)
      for _ in 0..<20 {
        for _ in 0..<Int.random(in: 1..<4) { _ = try stub.sample(ranges: page, registers: []) }
        usleep(UInt32.random(in: 0..<20_000))
        try qmp.execute("stop")
        usleep(UInt32.random(in: 0..<20_000))
        _ = try qmp.pauses()
        for _ in 0..<2 { _ = try stub.sample(ranges: page, registers: []) }
        #expect(try qmp.status == "paused")
        #expect(stub.runState == .stopped(reason: nil))
        #expect(try qmp.pauses().isEmpty, "it was let go for a moment")
        try qmp.execute("cont")
        _ = try stub.sample(ranges: page, registers: [])
        #expect(try qmp.runs)
      }
    }

    // MARK: Other debuggers

    @Test(.enabled(if: GDB.isInstalled, GDB.absence), arguments: QEMUProgram.all)
    func aDebuggerThatDetachedLeavesTheGuestRunning(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(program: program)
      var notices: [String] = []
      let stub = try stub(of: qemu.target) { notices.append($0) }
      for _ in 0..<2 {
        notices = []
        _ = try GDB.run(qemu.target, ["info registers rip"])
        #expect(try qemu.qmp.runs)
        _ = try stub.sample(ranges: page, registers: [])
        #expect(try qemu.qmp.runs)
        #expect(stub.runState == .running)
        // Later versions do not report whether it left the guest running.
        #expect(notices.count == (qemu.alwaysTellsStops ? 0 : 1), "\(notices)")
      }
    }

    @Test(.enabled(if: GDB.isInstalled, GDB.absence), arguments: QEMUProgram.all)
    func aDebuggerThatWasKilledLeavesItStoppedWhereThatIsKnown(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(program: program)
      let qmp = try qemu.qmp
      let stub = try stub(of: qemu.target)
      try GDB.attachAndDie(qemu.target)
      #expect(try qmp.status == "paused")
      _ = try stub.sample(ranges: page, registers: [])
      #expect(try qemu.alwaysTellsStops ? !qmp.runs(within: 0.5) : qmp.runs)
    }

    // MARK: Other readers

    /// Two sessions that read without a rest: each waits its turn, and none fails.
    @Test(arguments: [QEMUProgram.installed, QEMUProgram.all.last!], [false, true])
    func twoReadersTakeTurns(program: QEMUProgram, isForwarded: Bool) throws {
      let qemu = try PlainQEMU(program: program)
      let proxy = Proxy(to: qemu.port)
      defer { proxy.end() }
      let target = isForwarded ? proxy.target : qemu.target
      let script = String(repeating: "regs 0 -j\n", count: 60)
      let readers = try (0..<2).map { _ in
        try Program(["-c", target, "--keep-going", "-f", "-"]).start(input: script)
      }
      for reader in readers {
        #expect(reader.wait() == 0, "\(reader.err.suffix(1000))")
        #expect(reader.out.split(separator: "\n").count == 60)
      }
      #expect(try qemu.qmp.runs)
    }
  }
}
