import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// All of a small guest's memory, mapped in one piece.
struct DirectMap: AddressSpace {
  static let base: UInt64 = 0xffff_8880_0000_0000

  static func virtual(_ physical: PhysicalAddress) -> UInt64 { base + physical.rawValue }

  func translate(
    page: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) -> PhysicalAddress { PhysicalAddress(page.rawValue &- Self.base) }
}

@Suite struct XArrayTests {
  let ram = RAMBuilder(count: 1 << 20)
  let builder: XArrayBuilder
  let layout: XArrayLayout

  init() throws {
    let types = KernelTypes.kernel(.linux6)
    builder = XArrayBuilder(ram, types, virtual: DirectMap.virtual)
    layout = try XArrayLayout(try BTF(types.blob))
  }

  private func snapshot(
    _ head: UInt64, through last: UInt64 = .max, stepLimit: Int = 100_000
  ) throws(SnapshotError) -> (Snapshot<[XArray.Entry]>, ScriptedMemory) {
    let memory = ScriptedMemory(ram.memory())
    let engine = SnapshotEngine(memory)
    engine.stepLimit = stepLimit
    let array = XArray(layout, head: head)
    let snapshot = try engine.snapshot(in: DirectMap()) { view throws(ReadFault) in
      try array.compactMap(0...last, in: view) { $0 }
    }
    #expect(memory.samples.joined().allSatisfy(memory.ram.contains))
    return (snapshot, memory)
  }

  private func entries(_ head: UInt64, through last: UInt64 = .max) throws -> [UInt64: UInt64] {
    let entries = try snapshot(head, through: last).0.value
    #expect(entries.map(\.index) == entries.map(\.index).sorted())
    return Dictionary(uniqueKeysWithValues: entries.map { ($0.index, $0.pointer.rawValue) })
  }

  @Test func theLayoutIsTheKernels() {
    #expect(layout == XArrayLayout(shift: 0, slots: 40, chunkSize: 64))
  }

  @Test(arguments: [(0, false), (1, false), (16, true), (63, false), (64, true), (1 << 28, false)])
  func aNodeHas16Or64Slots(count: UInt32, isKnown: Bool) throws {
    var builder = BTFBuilder()
    builder.add(.ptr, "", 0)
    builder.int("u8", size: 1)
    builder.add(.array, "", 0, [1, 2, count])
    builder.composite(.struct, "xa_node", size: 576, [("shift", 2, 0), ("slots", 3, 320)])
    let btf = try BTF(builder.blob)
    #expect(((try? XArrayLayout(btf)) != nil) == isKnown)
  }

  @Test func anEmptyArrayHasNoEntries() throws {
    #expect(try entries(0) == [:])
  }

  @Test func theOnlyEntryAtZeroIsTheHeadItself() throws {
    #expect(try entries(0xffff_8880_0000_1000) == [0: 0xffff_8880_0000_1000])
  }

  @Test(arguments: [
    [0, 1], [1], [63], [5, 64], [4095], [0, 4096, 5000, 262_143], [1 << 30 + 7, 3], [2_147_483_646],
  ])
  func entriesOfAnyHeightAreFound(indexes: [UInt64]) throws {
    let all = Dictionary(uniqueKeysWithValues: indexes.map { ($0, 0xffff_8000_0000_0000 + 8 * $0) })
    #expect(try entries(builder.head(all)) == all)
  }

  @Test func entriesBeyondTheLastIndexAreLeftOut() throws {
    let all: [UInt64: UInt64] = [1: 0x1000, 70: 0x2000, 71: 0x3000, 5000: 0x4000]
    #expect(try entries(builder.head(all), through: 70) == [1: 0x1000, 70: 0x2000])
    #expect(try entries(builder.head(all), through: 0) == [:])
  }

  @Test func entriesOfTheArrayItselfAreNoPointers() throws {
    // Sibling of slot 3, retry and zero entries (xa_mk_internal).
    let head = builder.node(
      shift: 0, slots: [1: 0x1000, 2: 3 << 2 | 2, 3: 256 << 2 | 2, 4: 257 << 2 | 2, 6: 0x2000])
    #expect(try entries(head) == [1: 0x1000, 6: 0x2000])
    for single in [256 << 2 | 2, 257 << 2 | 2] as [UInt64] { #expect(try entries(single) == [:]) }
  }

  @Test func anEntryOfAnUpperLevelThatIsNoNodeIsAPointerAtItsFirstIndex() throws {
    #expect(try entries(builder.node(shift: 6, slots: [2: 0x1000])) == [128: 0x1000])
  }

  @Test func aNodeOfTheWrongHeightIsLeftOutAndNamed() throws {
    let good = builder.node(shift: 0, slots: [0: 0x1000])
    let wrong = builder.node(shift: 12, slots: [0: 0x2000])
    let head = builder.node(shift: 6, slots: [0: good, 1: wrong, 2: good])
    let snapshot = try snapshot(head).0
    #expect(snapshot.value.map(\.index) == [0, 128])
    #expect(snapshot.unreadable.map(\.key.id) == [64])
    #expect("\(snapshot.unreadable[0])".contains("an xarray node with shift 12, not 0"))
  }

  @Test func aNodeThatLeadsToItselfEnds() throws {
    let head = builder.node(shift: 6, slots: [1: 0x1000])
    let own = PhysicalAddress(head - 2 - DirectMap.base)
    for slot in 2..<64 { ram.write(head, at: own + 40 + 8 * slot) }
    let snapshot = try snapshot(head).0
    #expect(snapshot.value.map(\.index) == [64])
    #expect(snapshot.unreadable.count == 62)
  }

  @Test(arguments: [0xffff_8880_7000_0002, 0x1002, .max - 1] as [UInt64])
  func aNodeInNoRAMIsLeftOutAndNamed(node: UInt64) throws {
    let good = builder.node(shift: 0, slots: [3: 0x1000])
    let snapshot = try snapshot(builder.node(shift: 6, slots: [0: node, 1: good])).0
    #expect(snapshot.value.map(\.index) == [67])
    #expect(snapshot.unreadable.map(\.key.address.rawValue) == [node - 2])
  }

  /// A flipped bit makes a value of a pointer, or a node where there can be none.
  @Test(arguments: [0x1001, 0x1003, 0xffff_8880_0000_1002] as [UInt64])
  func anEntryThatIsNoPointerIsLeftOutAndNamed(entry: UInt64) throws {
    let snapshot = try snapshot(builder.node(shift: 0, slots: [1: 0x1000, 2: entry])).0
    #expect(snapshot.value.map(\.index) == [1])
    #expect(snapshot.unreadable.map(\.key.id) == [2])
    guard entry & 3 != 2 else { return }
    #expect(try self.snapshot(entry).0.unreadable.count == 1)
  }

  @Test func aRootInNoRAMIsAnErrorAndNotAnEmptyArray() throws {
    #expect(throws: SnapshotError.self) { try snapshot(0xffff_8880_7000_0002) }
  }

  @Test(arguments: [6, 7, 60, 61, 66, 255])
  func aRootOfAnyHeightEndsWithinTheSteps(shift: Int) throws {
    let leaf = builder.node(shift: 0, slots: [1: 0x1000])
    let head = builder.node(shift: shift, slots: [0: leaf, 63: leaf])
    guard shift < 64 else {
      #expect(throws: SnapshotError.self) { try snapshot(head, stepLimit: 1000) }
      return
    }
    let answer = try snapshot(head, stepLimit: 1000).0
    #expect(answer.unreadable.isEmpty == (shift == 6))
  }

  @Test func wavesAreAsManyAsLevelsNotNodes() throws {
    let all = Dictionary(
      uniqueKeysWithValues: (0..<40).map { (UInt64($0) * 4096, 0x1000 as UInt64) })
    let (snapshot, _) = try snapshot(builder.head(all))
    #expect(snapshot.value.count == 40)
    // The root's shift, then a level each.
    #expect(snapshot.waves <= 4)
  }
}
