import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// Objects in memory by their types alone. A node has a number, a list_head, and a pointer to another.
@Suite struct UntypedObjectTests {
  private let ram = RAMBuilder(count: 0x8000)
  private let btf: BTF
  private let node: BTF.TypeID

  init() throws {
    var builder = BTFBuilder()
    builder.int("u64", size: 8)
    builder.add(.ptr, "", 3)
    builder.composite(.struct, "list_head", size: 16, [("next", 2, 0), ("prev", 2, 64)])
    builder.add(.ptr, "", 5)
    builder.composite(.struct, "node", size: 40, [("n", 1, 0), ("list", 3, 64), ("other", 4, 192)])
    builder.composite(.struct, "first", size: 32, [("list", 3, 0), ("second", 3, 128)])
    btf = try BTF(builder.blob)
    node = try btf.structID("node")
  }

  private struct Flat: AddressSpace {
    func translate(
      page: KernelVirtualAddress, in view: MemoryView
    ) throws(ReadFault) -> PhysicalAddress {
      guard page.rawValue < 0x8000 else {
        throw .unreadable(Unreadable(.notMapped, at: page.rawValue))
      }
      return PhysicalAddress(page.rawValue)
    }
  }

  private func snapshot<T>(
    waves: Int = 64, _ walk: @escaping (MemoryView) throws(ReadFault) -> T
  ) throws -> Snapshot<T> {
    try SnapshotEngine(ScriptedMemory(ram.memory())).snapshot(
      in: Flat(), waveLimit: waves, walk)
  }

  private func object(at address: UInt64) -> UntypedObject {
    UntypedObject(btf, type: node, at: KernelVirtualAddress(address))
  }

  private func write(_ word: UInt64, at address: UInt64) {
    ram.write(word, at: PhysicalAddress(address))
  }

  @Test func membersPointeesAndElements() throws {
    write(7, at: 0x1000)
    write(0x2000, at: 0x1018)
    write(9, at: 0x2000)
    write(0x3000, at: 0x2018)
    write(11, at: 0x3000 + 40)
    let start = object(at: 0x1000)
    try snapshot { view throws(ReadFault) in
      #expect(try start.member("n", in: view).value(in: view) == .unsigned(7))
      #expect(try start.member(".other->n", in: view).value(in: view) == .unsigned(9))
      #expect(try start.member("other.other[1].n", in: view).value(in: view) == .unsigned(11))
      let other = try start.member("other", in: view)
      #expect(try other.pointee(in: view).address == KernelVirtualAddress(0x2000))
      #expect(try other.element(2, in: view).address == KernelVirtualAddress(0x2000 + 80))
      #expect(try start.value(in: view)["n"] == .unsigned(7))
    }.value
  }

  @Test(
    arguments: [
      ("other->other->n", "the pointer before .n is NULL"), ("no", "struct node has no member no"),
      ("a..b", "'a..b' is not a path of members"),
      ("n[1]", "u64 has no [1]: it is neither an array nor a pointer"),
    ])
  func whatIsNotThereIsMissing(path: String, text: String) throws {
    write(0x2000, at: 0x1018)
    let start = object(at: 0x1000)
    let error = #expect(throws: SnapshotError.self) {
      try snapshot { view throws(ReadFault) in try start.member(path, in: view) }
    }
    #expect(error?.description == text)
    #expect(throws: SnapshotError.self) {
      try snapshot { view throws(ReadFault) in
        try start.member("n", in: view).pointee(in: view)
      }
    }
  }

  // MARK: Lists

  /// Nodes that are linked in a circle, in this order; numbers count from 1.
  private func link(_ nodes: [UInt64]) {
    for (index, node) in nodes.enumerated() {
      write(UInt64(index + 1), at: node)
      write(nodes[(index + 1) % nodes.count] + 8, at: node + 8)
      write(nodes[(index + nodes.count - 1) % nodes.count] + 8, at: node + 16)
    }
  }

  private func list(
    at address: UInt64, waves: Int = 8192, of type: String = "node", link: String = "list"
  ) throws -> Snapshot<KernelList.Walk<KernelValue>> {
    let list = try KernelList(
      btf, of: try btf.structID(type), noun: type, link: try #require(MemberPath(link)))
    return try snapshot(waves: waves) { view throws(ReadFault) in
      try list.map(at: KernelVirtualAddress(address), in: view) { object throws(ReadFault) in
        try object.member(type == "node" ? "n" : "list", in: view).value(in: view)
      }
    }
  }

  private func numbers(_ snapshot: Snapshot<KernelList.Walk<KernelValue>>) -> [KernelValue?] {
    snapshot.value.elements.map(\.value)
  }

  @Test func aListFromAnElementBeginsWithIt() throws {
    link([0x1000, 0x1100, 0x3000])
    let found = try list(at: 0x1100)
    #expect(numbers(found) == [.unsigned(2), .unsigned(3), .unsigned(1)])
    #expect(found.unreadable.isEmpty && !found.value.isCut)
    #expect(found.value.elements.map(\.object.address.rawValue) == [0x1100, 0x3000, 0x1000])
    // An element alone is a list too.
    link([0x1000])
    #expect(numbers(try list(at: 0x1000)) == [.unsigned(1)])
  }

  @Test func aListFromItsHeadLeavesTheHeadOut() throws {
    // The first is none: only its list_head is there.
    link([0x1000, 0x1100, 0x3000])
    let found = try list(at: 0x1008)
    #expect(numbers(found) == [.unsigned(2), .unsigned(3)])
    write(0x5008, at: 0x5008)
    write(0x5008, at: 0x5010)
    #expect(try list(at: 0x5008).value.elements.isEmpty)
  }

  /// Heads are often neighbours: what would be the link of an element at a head is another's.
  @Test func aHeadBesideAnotherIsAHead() throws {
    link([0x1000, 0x1100])
    // The head of an empty list, where an element at the head would have its link.
    write(0x1010, at: 0x1010)
    write(0x1010, at: 0x1018)
    write(0x1108, at: 0x1008)
    write(0x1008, at: 0x1110)
    #expect(numbers(try list(at: 0x1008)) == [.unsigned(2)])
  }

  @Test func elementsThatBeginWithAnotherListAreElements() throws {
    // Two structs that two lists link, in both orders.
    for (at, links) in [(0x1000, 0x1100), (0x1100, 0x1000)] as [(UInt64, UInt64)] {
      for offset in [0, 16] as [UInt64] {
        write(links + offset, at: at + offset)
        write(links + offset, at: at + offset + 8)
      }
    }
    let found = try list(at: 0x1000, of: "first", link: "second")
    #expect(found.value.elements.map(\.object.address.rawValue) == [0x1000, 0x1100])
    // By its first member the address is that of a head.
    let other = try list(at: 0x1000, of: "first", link: "list")
    #expect(other.value.elements.map(\.object.address.rawValue) == [0x1100])
  }

  @Test func aDamagedLinkEndsTheListAndIsCounted() throws {
    for (next, words) in [
      (0, "does not lead back"), (0x1108, "does not lead back"), (0x9008, "is not mapped"),
    ] as [(UInt64, String)] {
      link([0x1000, 0x1100, 0x3000])
      write(next, at: 0x3008)
      let found = try list(at: 0x1000)
      #expect(Array(numbers(found).prefix(3)) == [.unsigned(1), .unsigned(2), .unsigned(3)])
      #expect(!found.unreadable.isEmpty)
      #expect(found.unreadable.contains { $0.description.contains(words) }, "\(found.unreadable)")
    }
  }

  @Test func oneDamagedNeighbourDoesNotHideTheList() throws {
    link([0x1000, 0x1100, 0x3000])
    write(0xdead_0000, at: 0x1110)
    #expect(numbers(try list(at: 0x1000)).count == 3)
    write(0, at: 0x3008)
    let error = #expect(throws: SnapshotError.self) { try list(at: 0x1000) }
    #expect(error?.description.contains("neither a node in a list at 0x1000") == true)
  }

  @Test func aListWithoutAnEndIsCut() throws {
    let count = KernelList.limit + 3
    let large = RAMBuilder(count: ((count + 1) * 64 + 4095) / 4096 * 4096)
    func place(_ index: Int) -> UInt64 { UInt64(64 + (index % count) * 64) }
    for index in 0..<count {
      large.write(place(index + 1) + 8, at: PhysicalAddress(place(index) + 8))
      large.write(place(index + count - 1) + 8, at: PhysicalAddress(place(index) + 16))
    }
    struct Identity: AddressSpace {
      func translate(
        page: KernelVirtualAddress, in view: MemoryView
      ) throws(ReadFault) -> PhysicalAddress { PhysicalAddress(page.rawValue) }
    }
    let list = try KernelList(btf, of: node, noun: "node", link: MemberPath([.member("list")]))
    let bytes = large.bytes.count
    let walk = try SnapshotEngine(ScriptedMemory(large.memory())).snapshot(in: Identity()) {
      view throws(ReadFault) in
      // A wave for all of it, and not one an element.
      _ = try view.bytes(at: PhysicalAddress(0), count: bytes)
      return try list.map(at: KernelVirtualAddress(64), in: view) { _ throws(ReadFault) in 0 }
    }.value
    #expect(walk.elements.count == KernelList.limit)
    #expect(walk.isCut)
  }

  @Test func whatLinksNoElementsIsRefused() {
    for path in ["n", "other", "other->list", "list.next", "no"] {
      #expect(throws: BTFError.self, "\(path)") {
        try KernelList(btf, of: node, noun: "node", link: #require(MemberPath(path)))
      }
    }
  }
}
