import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@Suite struct ObjectTableTests {
  private let guest = SyntheticGuest()

  private func address(_ id: UInt64, in memory: (any GuestMem)? = nil) throws -> UInt64 {
    let engine = SnapshotEngine(memory ?? ScriptedMemory(guest.memory))
    let kernel = try GuestKernel(try guest.image(), in: engine)
    let table = try ObjectTable(.prog, kernel)
    return try kernel.snapshot(engine) { walk throws(ReadFault) in
      try table.address(of: id, in: walk.view).rawValue
    }.value
  }

  @Test func anObjectIsFoundByItsNumber() throws {
    guest.programs = [3: 0xffff_0000_0000_3000, 70_000: 0xffff_0000_0007_0000]
    guest.writeIDR()
    #expect(try address(3) == 0xffff_0000_0000_3000)
    #expect(try address(70_000) == 0xffff_0000_0007_0000)
    for id in [0, 4, 1 << 31, .max] as [UInt64] {
      let error = #expect(throws: SnapshotError.self) { try address(id) }
      #expect(error?.description == "the guest has no program with id \(id)")
    }
  }

  @Test func aKernelWithoutTheTableIsAnErrorThatNamesIt() throws {
    let engine = SnapshotEngine(ScriptedMemory(guest.memory))
    let kernel = try GuestKernel(try guest.image(), in: engine)
    let error = #expect(throws: KernelError.self) { try ObjectTable(.task, kernel) }
    #expect(error?.description.contains("init_pid_ns") == true)
  }
}
