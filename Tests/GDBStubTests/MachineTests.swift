import GuestScopeGDBStub
import GuestScopeGuestMemory
import TestSupport
import Testing

/// What a session leaves of the machine, and what the next one makes of it.
@Suite struct MachineTests {
  private static let machine = {
    var machine = FakeQEMU.Machine()
    machine.ram = [UInt8](repeating: 7, count: 1 << 21)
    return machine
  }()

  private func connect(
    to qemu: FakeQEMU, knowing record: [UInt8]? = nil
  ) throws -> QEMUStub {
    var options = StubOptions()
    (options.timeout, options.knownMachine, options.remembersMachine) = (.seconds(5), record, true)
    return try QEMUStub(.tcp(host: "127.0.0.1", port: qemu.port), options: options)
  }

  /// What a first session was told.
  private func record(of qemu: FakeQEMU) throws -> [UInt8] { try connect(to: qemu).machineRecord }

  private func monitorCommands(of qemu: FakeQEMU, since first: Int) -> [String] {
    qemu.clients[first...].flatMap(\.packets).filter { $0.hasPrefix("qRcmd,") }.map { packet in
      String(decoding: Array(packet.dropFirst(6).utf8).decodedHex ?? [], as: UTF8.self)
    }
  }

  @Test func aMachineThatIsKnownIsRecognizedInOneStop() throws {
    let qemu = FakeQEMU(Self.machine)
    defer { qemu.end() }
    let record = try record(of: qemu)
    let before = qemu.clients.count
    let stub = try connect(to: qemu, knowing: record)
    #expect(qemu.clients.count == before + 1)
    #expect(
      monitorCommands(of: qemu, since: before)
        == ["info cpus", "gpa2hva 0x0", "gpa2hva 0x1fffff"])
    #expect(stub.ram.regions == [0..<0x20_0000])
    #expect(stub.cpus == [0, 1])
    #expect(stub.machineRecord == record)
    let rip = RegisterKey(cpu: 1, name: "rip")
    let range = PhysicalRange(PhysicalAddress(0x1000), count: 2048)
    let sample = try stub.sample(ranges: [range], registers: [rip])
    #expect(try sample.registers[rip]?.get() == 1)
    #expect(try sample.memory[0].get() == [UInt8](repeating: 7, count: 2048))
    qemu.expectClean()
  }

  @Test(arguments: [
    "another process", "other threads", "a larger machine", "less memory", "more vCPUs",
    "no answer",
  ])
  func aMachineThatIsAnotherIsAskedForAll(change: String) throws {
    let qemu = FakeQEMU(Self.machine)
    defer { qemu.end() }
    let record = try record(of: qemu)
    qemu.change { machine in
      switch change {
      case "another process": machine.hostAddress! += 0x20_0000
      case "other threads": machine.firstThread += 10
      case "a larger machine":
        machine.ram += machine.ram
        machine.hostAddress! += 0x20_0000
      case "less memory": machine.ram = Array(machine.ram.prefix(1 << 20))
      case "more vCPUs": machine.cpus = 3
      default: machine.hostAddress = nil
      }
    }
    let before = qemu.clients.count
    let stub = try connect(to: qemu, knowing: record)
    #expect(monitorCommands(of: qemu, since: before).contains("info mtree -f"))
    #expect(stub.machineRecord != record)
    qemu.change { machine in
      #expect(stub.ram.regions == [0..<UInt64(machine.ram.count)])
      #expect(stub.cpus == Array(0..<machine.cpus))
    }
    // The next session recognizes the machine, unless QEMU has no answer to `gpa2hva`.
    let next = qemu.clients.count
    _ = try connect(to: qemu, knowing: stub.machineRecord)
    #expect(
      monitorCommands(of: qemu, since: next).contains("info mtree -f") == (change == "no answer"))
    qemu.expectClean()
  }

  @Test func aRecordThatIsDamagedIsNone() throws {
    let qemu = FakeQEMU(Self.machine)
    defer { qemu.end() }
    let record = try record(of: qemu)
    for damaged in [[], Array(record.dropLast(3)), record + [0], record.map { $0 ^ 0x55 }] {
      let stub = try connect(to: qemu, knowing: damaged)
      #expect(stub.machineRecord == record)
    }
    qemu.expectClean()
  }

  @Test func aSessionWithoutACacheAsksForNoHostAddress() throws {
    let qemu = FakeQEMU(Self.machine)
    defer { qemu.end() }
    _ = try qemu.connect()
    #expect(!monitorCommands(of: qemu, since: 0).contains { $0.hasPrefix("gpa2hva") })
  }

  @Test func memoryThatWasPluggedInIsNotKnownToTheNextSession() throws {
    let qemu = FakeQEMU(Self.machine)
    defer { qemu.end() }
    let stub = try connect(to: qemu)
    #expect(!(try stub.lookAgain()))
    let before = stub.machineRecord
    qemu.change { $0.ram += [UInt8](repeating: 8, count: 1 << 20) }
    #expect(try stub.lookAgain())
    #expect(stub.machineRecord != before)
    let next = qemu.clients.count
    #expect(
      try connect(to: qemu, knowing: stub.machineRecord).ram.regions == [0..<0x30_0000])
    #expect(monitorCommands(of: qemu, since: next).contains("info mtree -f"))
  }
}
