import GuestScopeBTF
import GuestScopeGuestMemory
import TestSupport
import Testing

@testable import GuestScopeLinuxKernel

@Suite struct IDRTests {
  /// - Parameter flags: what the idr has; nil for those of an idr.
  private func entries(
    _ programs: [UInt64: UInt64], base: UInt32 = 0, next: UInt32? = nil, flags: UInt32? = nil
  ) throws -> (entries: [UInt64: UInt64], reads: Int, samples: Int) {
    let guest = SyntheticGuest()
    guest.programs = programs
    guest.writeIDR(base: base, next: next)
    if let flags { guest.ram.write(flags, at: guest.place("prog_idr") + 4) }
    let address = DirectMap.virtual(guest.place("prog_idr"))
    let idr = IDR(at: KernelVirtualAddress(address), try IDR.Layout(try BTF(guest.types.blob)))
    // The synthetic guest links its nodes by its own direct map.
    struct Space: AddressSpace {
      var pageOffset: UInt64
      func translate(
        page: KernelVirtualAddress, in view: MemoryView
      ) throws(ReadFault) -> PhysicalAddress {
        let base = page.rawValue >= DirectMap.base && page.rawValue < DirectMap.base + 1 << 20
        return PhysicalAddress(page.rawValue &- (base ? DirectMap.base : pageOffset))
      }
    }
    let counting = CountingMemory(ScriptedMemory(guest.memory))
    let engine = SnapshotEngine(counting)
    engine.stepLimit = 2000
    let snapshot = try engine.snapshot(in: Space(pageOffset: guest.pageOffset)) {
      view throws(ReadFault) in try idr.compactMap(in: view) { $0 }
    }
    #expect(snapshot.unreadable.isEmpty)
    return (
      Dictionary(uniqueKeysWithValues: snapshot.value.map { ($0.index, $0.pointer.rawValue) }),
      counting.reads, counting.samples
    )
  }

  @Test func allOccupiedIdsAreFound() throws {
    let programs: [UInt64: UInt64] = [1: 0x1000, 2: 0x2000, 64: 0x3000, 100_000: 0x4000]
    #expect(try entries(programs).entries == programs)
  }

  @Test func threeProgramsBelowTheLargestIdTakeAFewReads() throws {
    let programs: [UInt64: UInt64] = [1: 0x1000, 7: 0x2000, (1 << 31) - 2: 0x3000]
    let found = try entries(programs, next: UInt32(Int32.max))
    #expect(found.entries == programs)
    // Six levels to both ends; nothing goes with the ids in between.
    #expect(found.reads < 80)
    #expect(found.samples <= 10)
  }

  @Test func idsBeginAtTheBase() throws {
    let programs: [UInt64: UInt64] = [5: 0x1000, 6: 0x2000, 90: 0x3000]
    #expect(try entries(programs, base: 5).entries == programs)
  }

  @Test func anIDRThatWasNeverUsedIsEmpty() throws {
    #expect(try entries([:], next: 0).entries == [:])
  }

  /// After the last id a cyclic idr begins anew.
  @Test func idsAboveTheNextOneCount() throws {
    let programs: [UInt64: UInt64] = [3: 0x1000, 70: 0x2000, UInt64(Int32.max): 0x3000]
    #expect(try entries(programs, next: 4).entries == programs)
  }

  @Test func anImpossibleBaseIsRefused() throws {
    #expect(throws: SnapshotError.self) { try entries([:], base: 1 << 31) }
  }

  // MARK: Flags

  /// 5.10 and 6.1 have 27 bits of gfp_t, later kernels 25.
  @Test(arguments: [0x0800_0004, 0x0200_0004, 0x0040_0004, 0x8000_0004] as [UInt32])
  func flagsOfAnIDR(flags: UInt32) throws {
    #expect(IDR.hasFlags(flags))
    #expect(try entries([1: 0x1000], flags: flags).entries == [1: 0x1000])
  }

  /// Zeros where no idr is would pass for an empty one, and an xarray for an idr.
  @Test(arguments: [0, 4, 5, 0x0200_0000, 0x0a00_0004, 0x0200_0005, 0x0200_0024, .max] as [UInt32])
  func whatHasNotTheFlagsOfAnIDRIsRefused(flags: UInt32) throws {
    #expect(!IDR.hasFlags(flags))
    for programs in [[:], [1: 0x1000]] as [[UInt64: UInt64]] {
      let error = #expect(throws: SnapshotError.self) { try entries(programs, flags: flags) }
      #expect("\(try #require(error))".contains("not an idr"))
    }
  }
}
