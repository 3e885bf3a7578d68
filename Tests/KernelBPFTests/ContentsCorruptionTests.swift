import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// Damaged maps: entries or an error within bounds, whatever their memory holds.
@Suite struct ContentsCorruptionTests {
  @Test func damagedMapsAreAnsweredOrRefused() throws {
    let contents = ContentsGuest()
    contents.addArray(1, count: 600)
    contents.addHash(2, chains: [[4, 9, 2], [], [7], [1, 3, 5, 6]])
    contents.add(
      3, type: 22, key: 0, value: 3, entries: 3,
      [260: word(2 as UInt32) + word(3 as UInt32) + word(4 as UInt32)])
    let tally = try Fuzz.damage(contents.guest, "maps") { objects, comment throws(KernelError) in
      let snapshot = try objects.contents(MapContentsQuery())
      for map in snapshot.value {
        #expect(map.entries.count <= Int(map.map.maxEntries) + 2, comment)
      }
      return snapshot.unreadable.count
    }
    #expect(tally.whole > 0 && tally.partial > 0)
  }
}
