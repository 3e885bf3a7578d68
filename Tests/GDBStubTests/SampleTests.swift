import Glibc
import GuestScopeGDBStub
import GuestScopeGuestMemory
import TestSupport
import Testing

@Suite struct SampleTests {
  private func range(_ start: UInt64, _ count: Int) -> PhysicalRange {
    PhysicalRange(PhysicalAddress(start), count: count)
  }

  @Test(arguments: FakeQEMU.ages)
  func memoryAndRegistersOfOneSampleComeFromOneConnection(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    #expect(stub.cpus == [0, 1])
    // The video memory that QEMU has beside it is not the machine's.
    #expect(stub.ram.regions == [0..<0x1_0000])
    let cr3 = RegisterKey(cpu: 0, name: "cr3")
    // The size of `g` is learnt with the first registers.
    _ = try stub.sample(ranges: [], registers: [cr3])
    let before = qemu.clients.count
    let sample = try stub.sample(
      ranges: [range(0x800, 16), range(0x3000, 5000), range(0, 0)],
      registers: [cr3, RegisterKey(cpu: 1, name: "gs_base"), RegisterKey(cpu: 1, name: "rip")])
    #expect(qemu.clients.count == before + 1)
    #expect(
      try sample.memory[0].get() == [UInt8](repeating: 0, count: 8)
        + [UInt8](repeating: 1, count: 8))
    #expect(
      try sample.memory[1].get()
        == (0x3000..<0x3000 + 5000).map { UInt8(truncatingIfNeeded: $0 / 8) })
    #expect(try sample.memory[2].get() == [])
    #expect(try sample.registers[cr3]?.get() == 5)
    #expect(try sample.registers[RegisterKey(cpu: 1, name: "gs_base")]?.get() == 2)
    #expect(try sample.registers[RegisterKey(cpu: 1, name: "rip")]?.get() == 1)
    // Three packets for 5000 bytes; the mode is set and put back.
    let packets = qemu.clients[before].packets
    #expect(
      packets.filter { $0.hasPrefix("m") } == ["m800,10", "m3000,800", "m3800,800", "m4000,388"])
    #expect(packets.suffix(2) == ["Qqemu.PhyMemMode:0", "c"])
    qemu.expectClean()
  }

  @Test func whatIsOutsideRAMIsNeverOnTheWire() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    let stub = try qemu.connect()
    let sample = try stub.sample(
      ranges: [
        range(0xfec0_0000, 8), range(0xfff8, 16), range(.max, 1), range(0x1000, -1), range(0, 8),
      ], registers: [])
    for outcome in sample.memory.dropLast() { #expect(outcome == .failure(.outsideRAM)) }
    #expect(try sample.memory[4].get().count == 8)
    #expect(qemu.clients.last?.packets.filter { $0.hasPrefix("m") } == ["m0,8"])
  }

  @Test func aRangeThatQEMUCannotReadIsAbsentAndTheOthersAreThere() throws {
    let qemu = FakeQEMU(version: "11.1.3")
    defer { qemu.end() }
    let stub = try qemu.connect()
    qemu.change { $0.badPages = [2] }
    let sample = try stub.sample(
      ranges: [range(0x1000, 8), range(0x1800, 4096), range(0x3000, 8)], registers: [])
    #expect(try sample.memory[0].get().count == 8)
    #expect(sample.memory[1] == .failure(Absence("QEMU cannot read there (E14)")))
    #expect(try sample.memory[2].get().count == 8)
  }

  @Test func registersThatAreNotThereAreAbsent() throws {
    let qemu = FakeQEMU(version: "10.0.2")
    defer { qemu.end() }
    let stub = try qemu.connect()
    let keys = [(0, "nothing"), (7, "cr3"), (1, "efer")].map { RegisterKey(cpu: $0.0, name: $0.1) }
    let sample = try stub.sample(ranges: [range(0, 8)], registers: keys)
    #expect(
      sample.registers[keys[0]] == .failure(Absence("this guest's CPUs have no register nothing")))
    #expect(throws: Absence.self) { try sample.registers[keys[1]]?.get() }
    #expect(try sample.registers[keys[2]]?.get() == 7)
    #expect(try sample.memory[0].get().count == 8)
  }

  @Test(arguments: FakeQEMU.ages)
  func registersBeyondThoseOfGAreReadByNumber(version: String) throws {
    var machine = FakeQEMU.Machine()
    machine.version = version
    machine.systemRegisters = ["TCR_EL1": 0x1111, "TTBR1_EL1": 0x4185_8000]
    let qemu = FakeQEMU(machine)
    defer { qemu.end() }
    let stub = try qemu.connect()
    let keys = [(0, "TTBR1_EL1"), (0, "cr0"), (1, "TCR_EL1")].map {
      RegisterKey(cpu: $0.0, name: $0.1)
    }
    let sample = try stub.sample(ranges: [range(0x800, 8)], registers: keys)
    #expect(try sample.registers[keys[0]]?.get() == 0x4185_8000)
    #expect(try sample.registers[keys[1]]?.get() == 4)
    #expect(try sample.registers[keys[2]]?.get() == 0x1111)
    #expect(try sample.memory[0].get().count == 8)
  }

  @Test(arguments: [1, 15, 16, 17, 40, 200])
  func everyVCPUIsCounted(cpus: Int) throws {
    var machine = FakeQEMU.Machine()
    machine.cpus = cpus
    let qemu = FakeQEMU(machine)
    defer { qemu.end() }
    #expect(try qemu.connect().cpus == Array(0..<cpus))
    qemu.expectClean()
  }

  /// Of a machine with several clusters, the first one's.
  @Test(
    arguments: [(1, nil, 1), (4, 2, 2), (600, nil, 600), (600, 300, 300)] as [(Int, Int?, Int)])
  func vCPUsOfOtherClustersAreKnownToBeUnreadable(
    cpus: Int, clusterSize: Int?, readable: Int
  ) throws {
    var machine = FakeQEMU.Machine()
    (machine.cpus, machine.clusterSize) = (cpus, clusterSize)
    let qemu = FakeQEMU(machine)
    defer { qemu.end() }
    let stub = try qemu.connect()
    #expect(try stub.readableCPUs() == Array(0..<readable))
    let clients = qemu.clients.count
    #expect(try stub.readableCPUs().count == readable)
    #expect(qemu.clients.count == clients)
    let key = RegisterKey(cpu: cpus - 1, name: "cr3")
    let value = try stub.sample(ranges: [], registers: [key]).registers[key]
    #expect((try? value?.get()) == (readable == cpus ? 5 : nil))
    qemu.expectClean()
  }

  @Test func aSampleWithinTheLimitsFitsOneWriteOfQEMUs() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    let stub = try qemu.connect()
    let reads = stub.limits.reads
    #expect(reads > 100)
    let ranges = (0..<reads).map { range(UInt64($0 % 100) * 0x100, 8) }
    _ = try stub.sample(ranges: ranges, registers: [])
    let bytes = qemu.clients.last!.packets.reduce(0) { $0 + $1.utf8.count + 4 }
    #expect(bytes <= 4096)
    #expect(throws: GuestMemError.self) {
      try stub.sample(ranges: ranges + ranges, registers: [])
    }
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  // MARK: Hold

  @Test(arguments: FakeQEMU.ages)
  func aHeldGuestStandsStillUntilItIsReleased(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    let before = qemu.clients.count
    _ = stub.takeStatistics()
    try stub.hold()
    #expect(stub.consistency == .frozen)
    for _ in 0..<3 { _ = try stub.word() }
    #expect(!qemu.isRunning)
    // The hold is a stop of each stretch that is asked about, and its time is told once.
    let soFar = stub.takeStatistics()
    usleep(20_000)
    try stub.release()
    let rest = stub.takeStatistics()
    #expect(soFar.stops == 1 && rest.stops == 1)
    #expect(rest.longest > soFar.longest && rest.longest >= .milliseconds(20))
    #expect(rest.total < rest.longest)
    #expect(qemu.isRunning)
    #expect(stub.consistency == .instant)
    #expect(qemu.clients.count == before + 1)
    #expect(qemu.clients[before].resumes == 1)
    try stub.release()
    _ = try stub.word()
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  /// By QEMU's monitor, say: our own `c` comes when the guest runs, and must not stop it.
  @Test(arguments: FakeQEMU.ages, [false, true])
  func aHeldGuestThatSomebodyLetGoRunsOn(version: String, isSignal: Bool) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let debt = ResumeDebt()
    let stub = try qemu.connect(debt: debt)
    for _ in 0..<2 {
      try stub.hold()
      _ = try stub.word()
      qemu.letGuestRun()
      if isSignal {
        debt.pay()
        break
      }
      try stub.release()
      #expect(qemu.isRunning)
    }
    // Until the packet is through it runs because of the monitor.
    #expect(eventually { qemu.clients.last?.resumes != 0 })
    #expect(qemu.isRunning)
  }

  @Test func aHoldThatIsDroppedLetsTheGuestGoOn() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    var stub: QEMUStub? = try qemu.connect()
    try stub?.hold()
    // An optimised build drops it after its last use.
    withExtendedLifetime(stub) { #expect(!qemu.isRunning) }
    stub = nil
    #expect(qemu.waitForEnd(ofClients: qemu.clients.count))
    #expect(qemu.isRunning)
    qemu.expectClean()
  }

  @Test func aSignalPathPaysWhileTheGuestIsHeldAndNotOtherwise() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    let debt = ResumeDebt()
    let stub = try qemu.connect(debt: debt)
    debt.pay()
    try stub.hold()
    let held = qemu.clients.count - 1
    debt.pay()
    debt.pay()
    #expect(qemu.runsSoon)
    #expect(qemu.clients[held].resumes == 1)
    qemu.expectClean()
  }

  @Test(arguments: FakeQEMU.ages)
  func aGuestThatSomebodyStoppedIsNotHeldNorLetGo(version: String) throws {
    let qemu = FakeQEMU(version: version)
    defer { qemu.end() }
    let stub = try qemu.connect()
    qemu.stopGuest(reason: "guest-panicked")
    try stub.hold()
    try stub.release()
    #expect(qemu.waitForEnd(ofClients: qemu.clients.count))
    #expect(!qemu.isRunning)
    _ = try stub.word()
    #expect(!qemu.isRunning)
  }

  @Test func whatAStopCostsIsMeasured() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    qemu.change { $0.stopCost = .milliseconds(20) }
    let stub = try qemu.connect()
    _ = try stub.word()
    // The way is no part of it, and was as long at its shortest as this machine is busy.
    #expect(stub.limits.stopCost + stub.limits.roundTrip * 2 >= .milliseconds(20))
    #expect(stub.takeStatistics().stops == qemu.clients.count)
    #expect(stub.takeStatistics().stops == 0)
  }
}
