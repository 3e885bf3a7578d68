import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

private struct Leaf: KernelStruct {
  static let kernelName = "leaf"
  let key = Member<UInt64>("key")
  let node = Place("node")
  let name = TextLink("name")
}

@Suite struct RBTreeTests {
  private static let nodeOffset = 32
  private let guest: SyntheticGuest
  private let builder: RBTreeBuilder
  private let root: PhysicalAddress

  init() {
    var types = KernelTypes.kernel(.linux6)
    RBTreeBuilder.declare(in: &types)
    types.declare(
      "leaf", size: 64,
      [("key", 0, .u64), ("name", 8, .pointer), ("node", Self.nodeOffset, .structure("rb_node"))])
    let guest = SyntheticGuest(types)
    self.guest = guest
    builder = RBTreeBuilder(guest.ram, types) { guest.direct($0) }
    root = guest.ram.allocate(8)
  }

  /// Lays elements out, each on a page of its own; returns their nodes.
  private func leaves(_ keys: some Sequence<UInt64>) -> [PhysicalAddress] {
    keys.map { key in
      let leaf = guest.ram.allocatePage()
      guest.ram.write(key, at: leaf)
      return leaf + Self.nodeOffset
    }
  }

  private func walk<T>(
    _ body: @escaping (RBTree<Leaf>) throws(ReadFault) -> T
  ) throws -> Snapshot<T> {
    let engine = SnapshotEngine(ScriptedMemory(guest.memory))
    let kernel = try GuestKernel(try guest.image(), in: engine)
    let root = KernelVirtualAddress(guest.direct(root))
    return try kernel.snapshot(engine) { walk throws(ReadFault) in
      try body(RBTree(try walk.read(RBRoot.self, at: root), of: \Leaf.node))
    }
  }

  private func keys() throws -> Snapshot<[UInt64]> {
    try walk { tree throws(ReadFault) in try tree.compactMap("leaf") { $0.key } }
  }

  private func find(_ key: UInt64) throws -> UInt64? {
    try walk { tree throws(ReadFault) in
      try tree.find { $0.key == key ? .here : key < $0.key ? .left : .right }?.key
    }.value
  }

  @Test(arguments: [0, 1, 2, 3, 100])
  func elementsComeInTheirOrder(count: Int) throws {
    let keys = (0..<UInt64(count)).map { 10 * $0 + 5 }
    builder.link(leaves(keys), root: root)
    #expect(try self.keys().value == keys)
  }

  @Test func aWalkTakesAWaveALevelAndNotAnElement() throws {
    builder.link(leaves(0..<127), root: root)
    // Seven levels, and the root.
    #expect(try keys().waves == 8)
  }

  @Test func aKeyIsFoundOrIsNot() throws {
    builder.link(leaves([10, 20, 30, 40, 50]), root: root)
    for key in 0...60 as ClosedRange<UInt64> {
      #expect(try find(key) == (key % 10 == 0 && (10...50).contains(key) ? key : nil))
    }
  }

  @Test func nothingIsFoundInAnEmptyTree() throws {
    #expect(try find(1) == nil)
  }

  /// The nodes of 1 to 7: 4 is the topmost, 2 and 6 are below it.
  private func sevenLeaves() -> [PhysicalAddress] {
    let nodes = leaves(1...7)
    builder.link(nodes, root: root)
    return nodes
  }

  private func setLeft(of node: PhysicalAddress, to target: UInt64) {
    guest.ram.write(target, at: node + guest.types["rb_node.rb_left"])
  }

  @Test func aLinkThatLeadsBackIsCountedAndLeftOut() throws {
    let nodes = sevenLeaves()
    setLeft(of: nodes[4], to: guest.direct(nodes[3]))
    let snapshot = try keys()
    #expect(snapshot.value == Array(1...7))
    #expect(
      snapshot.unreadable.map { "\($0)" }.first?.hasPrefix(
        "leaf node 12: a node of a red-black tree with another parent") == true)
    #expect(snapshot.unreadable.count == 1)
  }

  @Test func aNodeOfTwoParentsIsFoundOnce() throws {
    let nodes = sevenLeaves()
    setLeft(of: nodes[6], to: guest.direct(nodes[0]))
    let snapshot = try keys()
    #expect(snapshot.value == Array(1...7))
    #expect(snapshot.unreadable.count == 1)
  }

  @Test(arguments: [0x10, 0xdead_0000_0000_0000, UInt64.max, 0xffff_8a3b_7fff_fff0])
  func aLinkIntoNowhereTakesOnlyWhatHangsOnIt(target: UInt64) throws {
    let nodes = sevenLeaves()
    setLeft(of: nodes[3], to: target)
    let snapshot = try keys()
    #expect(snapshot.value == [4, 5, 6, 7])
    #expect(snapshot.unreadable.map(\.key.id) == [2])
    #expect(try find(6) == 6)
    #expect(throws: SnapshotError.self) { try find(2) }
  }

  @Test func anElementThatCannotBeReadTakesNoOtherWithIt() throws {
    let nodes = sevenLeaves()
    let text = guest.ram.allocatePage()
    guest.ram.write(Array("name".utf8), at: text)
    for node in nodes { guest.ram.write(guest.direct(text), at: node + (8 - Self.nodeOffset)) }
    guest.ram.write(0xdead_0000 as UInt64, at: nodes[1] + (8 - Self.nodeOffset))
    let snapshot = try walk { tree throws(ReadFault) in
      try tree.compactMap("leaf") { leaf throws(ReadFault) in
        try leaf.name.map { "\($0) \(leaf.key)" }
      }
    }
    #expect(snapshot.value == [1, 3, 4, 5, 6, 7].map { "name \($0)" })
    #expect(snapshot.unreadable.map { "\($0.key)" } == ["leaf 2"])
  }

  @Test func aTreeThatIsTooDeepEnds() throws {
    let nodes = leaves((1...80).reversed())
    for (index, node) in nodes.enumerated() {
      builder.write(
        node, parent: index == 0 ? 0 : guest.direct(nodes[index - 1]),
        left: index == 79 ? 0 : guest.direct(nodes[index + 1]), right: 0)
    }
    guest.ram.write(guest.direct(nodes[0]), at: root)
    let snapshot = try keys()
    #expect(snapshot.value == Array(19...80))
    #expect(snapshot.unreadable.map { "\($0.cause)" }.first?.contains("too deep") == true)
    let error = #expect(throws: SnapshotError.self) { try find(1) }
    #expect("\(try #require(error))".contains("too deep"))
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func garbageIsCountedAndEnds(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let nodes = leaves(0..<60)
    builder.link(nodes, root: root)
    for node in nodes where UInt64.random(in: 0..<4, using: &random) == 0 {
      let word = 8 * Int.random(in: 0..<3, using: &random)
      let target = nodes.randomElement(using: &random)!
      let isNode = Bool.random(using: &random)
      guest.ram.write(
        isNode ? guest.direct(target) : UInt64.random(in: 0 ... .max, using: &random),
        at: node + word)
    }
    let snapshot = try keys()
    #expect(Set(snapshot.value).count == snapshot.value.count, "seed \(seed)")
    #expect(snapshot.value == snapshot.value.sorted(), "seed \(seed)")
    #expect(!snapshot.unreadable.isEmpty, "seed \(seed)")
  }
}
