import GuestScopeGDBStub
import GuestScopeGuestMemory
import Testing

extension LiveTests {
  /// Memory and vCPUs that come while a session is open.
  @Suite struct HotplugTests {
    @Test(arguments: QEMUProgram.all)
    func aDIMMThatWasAddedIsRead(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(["-m", "64M,slots=2,maxmem=1G"], program: program)
      let qmp = try qemu.qmp
      let stub = try QEMUStub(try #require(StubTarget(qemu.target)))
      let before = stub.ram
      // A machine of type q35 maps it above 4 GiB.
      let first = PhysicalRange(PhysicalAddress(1 << 32), count: 8)
      #expect(!before.contains(first))
      #expect(throws: PhysicalReadError.self) { try stub.bytes(at: first.start, count: 8) }
      try addMemory("dimm0", qmp)
      #expect(try stub.bytes(at: first.start, count: 8) == [UInt8](repeating: 0, count: 8))
      #expect(stub.ram.contains(PhysicalRange(first.start, count: 128 << 20)))
      #expect(try qmp.runs)
    }

    @Test(arguments: QEMUProgram.all)
    func aVCPUThatWasAddedIsCounted(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(
        ["-smp", "1,sockets=2,cores=1,threads=1,maxcpus=2", "-cpu", "qemu64"], program: program)
      let stub = try QEMUStub(try #require(StubTarget(qemu.target)))
      #expect(stub.cpus == [0])
      try qemu.qmp.execute(
        "device_add",
        arguments: """
          {"driver": "qemu64-x86_64-cpu", "socket-id": 1, "core-id": 0, "thread-id": 0, "id": "c1"\
          \(program.version == "installed" || program.version == "5.2" ? ", \"die-id\": 0" : "")}
          """)
      #expect(try stub.lookAgain())
      #expect(stub.cpus == [0, 1])
      #expect(try stub.readableCPUs() == [0, 1])
    }

    private func addMemory(_ id: String, _ qmp: QMP) throws {
      let version = try qmp.execute("query-version") as? [String: Any]
      let numbers = version?["qemu"] as? [String: Int]
      // Up to 5.2 the properties of an object have a place of their own.
      let isOld = (numbers?["major"] ?? 0) < 6
      let size = #""size": 134217728"#
      try qmp.execute(
        "object-add",
        arguments: #"{"qom-type": "memory-backend-ram", "id": "m-\#(id)", "#
          + (isOld ? #""props": {\#(size)}}"# : size + "}"))
      try qmp.execute(
        "device_add",
        arguments: #"{"driver": "pc-dimm", "id": "\#(id)", "memdev": "m-\#(id)"}"#)
    }
  }
}
