import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@Suite struct ListHeadTests {
  var guest = ContainerGuest()
  let head: UInt64

  init() { head = guest.allocate() }

  /// A circular list of items, which have the numbers from 1 on.
  private func list(_ count: Int) -> [UInt64] {
    let items = guest.items(1..<UInt32(count + 1))
    let nodes = [head] + items.map { guest.node("list", of: $0) }
    for (index, node) in nodes.enumerated() {
      guest.write(nodes[(index + 1) % nodes.count], at: node)
      guest.write(nodes[(index + nodes.count - 1) % nodes.count], at: node + 8)
    }
    return items
  }

  private func numbers(
    most: Int = 100, at head: UInt64? = nil, damaged: UInt32? = nil
  ) throws -> Snapshot<[UInt32]> {
    let head = KernelVirtualAddress(head ?? self.head)
    return try guest.snapshot { walk throws(ReadFault) in
      try walk.list(at: head, of: \Item.list, most: most) { item throws(ReadFault) in
        guard item.number != damaged else { throw .corrupt("a broken item", at: item.address) }
        return item.number
      }
    }
  }

  @Test func elementsComeInTheListsOrder() throws {
    let items = list(4)
    let found = try numbers()
    #expect(found.value == [1, 2, 3, 4])
    #expect(found.unreadable.isEmpty)
    let head = KernelVirtualAddress(head)
    let addresses = try guest.snapshot { walk throws(ReadFault) in
      try walk.list(at: head, of: \Item.list).map(\.address.rawValue)
    }
    #expect(addresses.value == items)
  }

  @Test func anEmptyListHasNoElements() throws {
    _ = list(0)
    let found = try numbers()
    #expect(found.value.isEmpty && found.unreadable.isEmpty)
  }

  @Test func aListCostsAWaveAnElement() throws {
    func waves(_ count: Int) throws -> Int {
      let test = ListHeadTests()
      _ = test.list(count)
      return try test.numbers().waves
    }
    #expect(try waves(9) - waves(2) == 7)
  }

  @Test func aLongListIsCutAndThatIsReported() throws {
    _ = list(4)
    let cut = try numbers(most: 3)
    #expect(cut.value == [1, 2, 3])
    #expect(
      cut.unreadable.map(\.description) == [
        "item chain 3: reading stopped after 3, and there are more"
      ])
    #expect(try numbers(most: 4).unreadable.isEmpty)
  }

  @Test func aDamagedElementTakesNoOtherWithIt() throws {
    let items = list(4)
    let found = try numbers(damaged: 2)
    #expect(found.value == [1, 3, 4])
    #expect(found.unreadable.map(\.key.address.rawValue) == [items[1]])
    #expect(found.unreadable.map(\.key.kind) == ["item"])
  }

  @Test(
    arguments: [
      (.max, "does not lead back to its beginning"), (0, "does not lead back to its beginning"),
      (ContainerGuest.poison, "is not mapped"),
    ] as [(UInt64, String)])
  func aDamagedLinkEndsTheListAndIsCounted(next: UInt64, words: String) throws {
    let items = list(4)
    // The largest number stands for an element that came before.
    let target = next == .max ? guest.node("list", of: items[0]) : next
    guest.write(target, at: guest.node("list", of: items[2]))
    let found = try numbers()
    #expect(found.value == [1, 2, 3])
    #expect(found.unreadable.count == 1)
    #expect(found.unreadable.allSatisfy { $0.description.contains(words) }, "\(found.unreadable)")
  }

  @Test func aLinkIntoAnotherListIsCounted() throws {
    let items = list(3)
    let other = guest.items(7..<8)[0]
    // It is alone in a list of its own.
    for offset in [0, 8] as [UInt64] {
      guest.write(guest.node("list", of: other), at: guest.node("list", of: other) + offset)
    }
    guest.write(guest.node("list", of: other), at: guest.node("list", of: items[1]))
    let found = try numbers()
    #expect(found.value == [1, 2, 7])
    #expect(found.unreadable.first?.description.contains("a link that does not lead back") == true)
  }

  @Test func aDamagedLinkBackDoesNotEndTheList() throws {
    let items = list(3)
    guest.write(ContainerGuest.poison, at: guest.node("list", of: items[1]) + 8)
    let found = try numbers()
    #expect(found.value == [1, 2, 3])
    #expect(found.unreadable.map(\.key.address.rawValue) == [guest.node("list", of: items[1])])
  }

  @Test(arguments: [ContainerGuest.poison, 0, .max - 7] as [UInt64])
  func aHeadThatIsNowhereIsAnError(head: UInt64) throws {
    #expect(throws: SnapshotError.self) { try numbers(at: head) }
  }

  @Test func aListOfSeveralStopsIsWhole() throws {
    var test = self
    _ = test.list(20)
    test.guest.limits.reads = 14
    let found = try test.numbers()
    #expect(found.value == Array(1...20))
    #expect(found.unreadable.isEmpty)
    #expect(found.stops > 1)
  }

  @Test func aMemberThatLinksInAnotherWayIsRefused() throws {
    _ = list(1)
    let head = KernelVirtualAddress(head)
    let error = #expect(throws: SnapshotError.self) {
      try guest.snapshot { walk throws(ReadFault) in
        try walk.list(at: head, of: \Item.hash).map(\.number)
      }
    }
    #expect(
      error?.description.contains(
        "hash of struct item is a struct hlist_node in this kernel's BTF; guestscope can read it "
          + "only as a struct list_head") == true)
  }
}
