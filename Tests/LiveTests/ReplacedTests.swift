import GuestScopeGDBStub
import GuestScopeGuestMemory
import Testing

extension LiveTests {
  /// Another QEMU at the same port, and the same one looked for anew: what their `info cpus` tells.
  @Suite struct ReplacedTests {
    private let page = [PhysicalRange(PhysicalAddress(0x1000), count: 64)]

    @Test(arguments: QEMUProgram.all, [false, true])
    func theGuestOfARestartedQEMURunsOn(program: QEMUProgram, isHold: Bool) throws {
      var qemu: PlainQEMU? = try PlainQEMU(program: program)
      let port = try #require(qemu).port
      let stub = try QEMUStub(StubTarget.tcp(host: "127.0.0.1", port: UInt16(port)))
      qemu = nil
      let next = try PlainQEMU(program: program, port: port)
      let tells = next.alwaysTellsStops
      func contact() throws {
        if isHold {
          try stub.hold()
          try stub.release()
        } else {
          _ = try stub.sample(ranges: page, registers: [])
        }
      }
      if tells {
        try contact()
      } else {
        let error = #expect(throws: GuestMemError.self) { try contact() }
        #expect(error?.kind == .lost)
        #expect(error?.description.contains("another QEMU") == true)
      }
      #expect(try next.qmp.runs)
    }

    @Test(arguments: QEMUProgram.all)
    func aGuestThatIsStoppedStaysSoWhenItIsLookedForAnew(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(["-smp", "2"], program: program)
      let target = try #require(StubTarget(qemu.target))
      let qmp = try qemu.qmp
      var stub = try QEMUStub(target)
      #expect(stub.cpus.count == 2)
      for _ in 0..<2 {
        try qmp.execute("stop")
        try stub.hold()
        for _ in 0..<2 {
          stub = try QEMUStub(target)
          #expect(stub.runState == .stopped(reason: nil))
          #expect(try qmp.status == "paused")
        }
        try qmp.execute("cont")
        _ = try stub.sample(ranges: page, registers: [])
        #expect(stub.runState == .running)
        #expect(try qmp.runs)
      }
    }
  }
}
