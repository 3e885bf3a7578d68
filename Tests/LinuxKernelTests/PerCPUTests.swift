import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@Suite struct PerCPUTests {
  private func cpus(_ offsets: [UInt64], count: Int) throws -> [CPU] {
    let ram = RAMBuilder(count: 8192)
    let array = ram.allocate(8 * 64)
    for (cpu, offset) in offsets.enumerated() { ram.write(offset, at: array + 8 * cpu) }
    let address = KernelVirtualAddress(DirectMap.virtual(array))
    return try SnapshotEngine(ram.memory()).snapshot(in: DirectMap()) { view throws(ReadFault) in
      try CPU.all(at: address, count: count, in: view)
    }.value
  }

  @Test func aCPUWithoutAnAreaIsSkippedButForTheFirst() throws {
    #expect(
      try cpus([0, 0xffff_8880_1000_0000, 0, 0xffff_8880_3000_0000], count: 4)
        == [
          CPU(id: 0, offset: 0), CPU(id: 1, offset: 0xffff_8880_1000_0000),
          CPU(id: 3, offset: 0xffff_8880_3000_0000),
        ])
  }

  @Test func junkBeyondTheLastCPUIsNotLookedAt() throws {
    #expect(try cpus([1, 2, 3, 4], count: 2).map(\.id) == [0, 1])
  }

  @Test(
    arguments: [
      (0x40, 0xffff_8880_1000_0000, 0xffff_8880_1000_0040),
      (0xffff_ffff_9000_0000, 0x0000_7000_0000_1000, 0x0000_6fff_9000_1000),
      (.max, .max, .max - 1), (0, 0, 0),
    ] as [(UInt64, UInt64, UInt64)])
  func pointerAndOffsetAreAddedModulo2To64(pointer: UInt64, offset: UInt64, address: UInt64) {
    let sum = CPU(id: 0, offset: offset).address(of: KernelVirtualAddress(pointer))
    #expect(sum.rawValue == address)
  }
}
