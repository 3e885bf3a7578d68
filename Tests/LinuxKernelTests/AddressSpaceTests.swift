import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import GuestScopePaging
import TestSupport
import Testing

@Suite struct AddressSpaceTests {
  let guest = SyntheticGuest()

  /// The windows of the guest as `GuestKernel` makes them.
  private func space() throws -> KernelAddressSpace {
    try GuestKernel(try guest.image(), in: SnapshotEngine(guest.memory)).addressSpace
  }

  private func translate(_ address: UInt64) throws -> (PhysicalAddress, waves: Int) {
    let space = try space()
    let snapshot = try SnapshotEngine(ScriptedMemory(guest.memory)).snapshot(in: space) {
      view throws(ReadFault) in try view.translate(KernelVirtualAddress(address))
    }
    return (snapshot.value, snapshot.waves)
  }

  @Test func theDirectMapNeedsNoPageTables() throws {
    #expect(try translate(guest.pageOffset + 0x1234) == (PhysicalAddress(0x1234), 0))
  }

  @Test func theImageWindowWrapsWithANegativePhysBase() throws {
    let kernel = try GuestKernel(try guest.image(), in: SnapshotEngine(guest.memory))
    #expect(kernel.variables["phys_base"]! >> 63 == 1)
    let place = guest.place("linux_banner")
    #expect(try translate(guest.textBase + guest.symbols["linux_banner"]!) == (place, 0))
  }

  @Test func everythingElseIsWalked() throws {
    let (virtual, pages) = guest.vmalloc(pages: 3)
    for (index, page) in pages.enumerated() {
      let (physical, waves) = try translate(virtual + UInt64(index) * 4096 + 0x123)
      #expect(physical == page + 0x123)
      #expect(waves == 4)
    }
    #expect(throws: SnapshotError.self) { try translate(virtual + 3 * 4096) }
  }

  @Test func theDirectMapEndsWithTheRAM() throws {
    let end = guest.pageOffset + UInt64(guest.ram.bytes.count)
    #expect(try translate(end - 1).0.rawValue == UInt64(guest.ram.bytes.count) - 1)
    #expect(throws: SnapshotError.self) { try translate(end) }
    // Beyond it the page tables decide.
    guest.tables.map(end, to: 0x5000)
    #expect(try translate(end).0 == PhysicalAddress(0x5000))
  }

  @Test func aHoleInTheRAMIsNotInAnyWindow() throws {
    let space = try space()
    let ram = RAMMap([0..<0x4000, 0x8000..<0x10_0000])
    let hole = KernelVirtualAddress(guest.pageOffset + 0x5000)
    #expect(space.window(at: hole, ram: ram) == nil)
    #expect(
      space.window(at: KernelVirtualAddress(guest.pageOffset + 0x8000), ram: ram)?.0.name
        == "direct map")
  }

  @Test func anAccessThatCrossesAPageIsTranslatedPageByPage() throws {
    let (virtual, pages) = guest.vmalloc(pages: 2)
    guest.ram.write(0x1122_3344 as UInt32, at: pages[0] + 4092)
    guest.ram.write(0x5566_7788 as UInt32, at: pages[1])
    let space = try space()
    let value = try SnapshotEngine(ScriptedMemory(guest.memory)).snapshot(in: space) {
      view throws(ReadFault) in
      (
        try view.u64(at: KernelVirtualAddress(virtual + 4092)),
        try view.bytes(at: KernelVirtualAddress(virtual + 4000), count: 200).count
      )
    }.value
    #expect(value == (0x5566_7788_1122_3344, 200))
  }
}
