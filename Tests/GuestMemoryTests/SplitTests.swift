import GuestScopeGuestMemory
import TestSupport
import Testing

@Suite struct SplitTests {
  /// A table of pointers to objects of `words` words, each word in its own page.
  private struct Guest {
    var memory: ScriptedMemory
    var table: PhysicalAddress
    var objects: [[PhysicalAddress]]

    init(objects count: Int, words: Int, limits: SampleLimits) {
      self.init(words: [Int](repeating: words, count: count), limits: limits)
    }

    /// Objects of so many words each.
    init(words: [Int], limits: SampleLimits) {
      let ram = RAMBuilder(count: (words.reduce(8, +)) * 4096)
      table = ram.allocatePage()
      objects = words.map { words in (0..<words).map { _ in ram.allocatePage() } }
      for (index, object) in objects.enumerated() {
        ram.write(object[0].rawValue, at: table + 8 * index)
      }
      memory = ScriptedMemory(ram.memory(), limits: limits)
    }

    func walk(_ view: MemoryView) throws(ReadFault) -> [[UInt64]] {
      var values: [[UInt64]] = []
      for (index, object) in objects.enumerated() {
        let head = try view.word((table + 8 * index).rawValue)
        guard head != 0 else { continue }
        let key = ObjectKey("object", id: UInt64(index), at: KernelVirtualAddress(head))
        let value = try view.object(key) { () throws(ReadFault) in
          try view.each(object) { word throws(ReadFault) in try view.word(word.rawValue) }
        }
        if let value { values.append(value) }
      }
      return values
    }
  }

  @Test func whatIsReadAfterTheLastObjectIsInEveryPart() throws {
    let guest = Guest(objects: 23, words: 4, limits: .limited(reads: 9))
    let last = guest.objects[0][3]
    guest.memory.guest.write(7, at: last.rawValue)
    let snapshot = try SnapshotEngine(guest.memory).snapshot { view throws(ReadFault) in
      (try guest.walk(view).count, try view.word(last.rawValue))
    }
    #expect(snapshot.value == (23, 7))
    #expect(snapshot.stops > 1 && guest.memory.holds == 0)
  }

  /// Where what each part reads takes longer than a pause may be, the parts are as large as that.
  @Test func partsAreNotSmallForWhatEachOfThemReads() throws {
    var limits = SampleLimits.limited(reads: .max, pause: .milliseconds(1))
    limits.readCost = 10_000
    let chains = Chains(objects: 200, depth: 2)
    let frame = Array(chains.words.joined().prefix(240).enumerated()).filter { $0.offset % 2 == 1 }
    let memory = ScriptedMemory(chains.memory, limits: limits)
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      let values = try chains.values(in: view)
      _ = try view.each(frame) { word throws(ReadFault) in try view.word(word.element.rawValue) }
      return values
    }
    #expect(snapshot.value == Array(1...200))
    // 120 reads of 1.2 ms in all of them, and up to as many of the objects'. One object each were 200.
    #expect((2...5).contains(snapshot.stops), "\(snapshot.stops)")
  }

  /// What a part does not have is for another to bring.
  @Test func aWalkerThatGoesOnOnlyFromAllObjectsGetsThere() throws {
    let guest = Guest(objects: 23, words: 4, limits: .limited(reads: 9))
    let last = guest.objects[0][3]
    guest.memory.guest.write(7, at: last.rawValue)
    let snapshot = try SnapshotEngine(guest.memory).snapshot { view throws(ReadFault) in
      let count = try guest.walk(view).count
      if view.hasMisses { throw .miss }
      return (count, try view.word(last.rawValue))
    }
    #expect(snapshot.value == (23, 7) && snapshot.unreadable.isEmpty)
    #expect(snapshot.stops > 1 && guest.memory.holds == 0)
  }

  @Test(arguments: [5, 9, 16, 200])
  func objectsAreWholeAndEveryPartHasTheSkeleton(reads: Int) throws {
    let guest = Guest(objects: 23, words: 4, limits: .limited(reads: reads))
    // Every word of every object is the number of the instant.
    guest.memory.meanwhile = { instant in
      for word in guest.objects.joined() {
        guest.memory.guest.write(UInt64(instant), at: word.rawValue)
      }
    }
    let engine = SnapshotEngine(guest.memory)
    _ = try engine.snapshot { view throws(ReadFault) in try guest.walk(view) }
    guest.memory.forgetSamples()
    let snapshot = try engine.snapshot { view throws(ReadFault) in try guest.walk(view) }

    let parts = guest.memory.samples
    #expect(snapshot.value.count == 23)
    #expect(snapshot.unreadable.isEmpty)
    for object in snapshot.value { #expect(Set(object).count == 1, "from one instant") }
    let most = (reads - 1) / 4
    #expect(parts.count == (23 + most - 1) / most || parts.count <= 23 / max(1, most * 3 / 4) + 1)
    #expect(snapshot.stops == parts.count)
    #expect(Set(snapshot.value.map { $0[0] }).count == parts.count)
    #expect(guest.memory.excesses == 0)
    for part in parts {
      #expect(part.contains { $0.start <= guest.table && guest.table < $0.end })
    }
  }

  @Test func anObjectLargerThanTheBudgetIsReadInOneStopAllTheSame() throws {
    let guest = Guest(objects: 3, words: 12, limits: .limited(reads: 4))
    let snapshot = try SnapshotEngine(guest.memory).snapshot { view throws(ReadFault) in
      try guest.walk(view)
    }
    #expect(snapshot.value.map(\.count) == [12, 12, 12])
    #expect(snapshot.stops == 3)
    // More than one sample takes: the guest is held for each.
    #expect((guest.memory.holds, guest.memory.releases) == (3, 3))
    #expect(guest.memory.excesses == 0)
  }

  @Test func anObjectThatMovesBetweenPartsIsReadAgain() throws {
    let guest = Guest(objects: 8, words: 4, limits: .limited(reads: 9))
    let engine = SnapshotEngine(guest.memory)
    _ = try engine.snapshot { view throws(ReadFault) in try guest.walk(view) }
    guest.memory.forgetSamples()
    // Object 7 becomes another one after the first part was read.
    guest.memory.meanwhile = { instant in
      guard instant == 1 else { return }
      guest.memory.guest.write(
        guest.objects[6][1].rawValue, at: (guest.table + 8 * 7).rawValue)
    }
    let snapshot = try engine.snapshot { view throws(ReadFault) in try guest.walk(view) }
    #expect(snapshot.value.count == 8)
    #expect(snapshot.unreadable.isEmpty)
    #expect(guest.memory.holds == 0)
  }

  @Test(arguments: [0, 30, 59])
  func aLargeObjectMakesNoSmallPartsOfTheOthers(place: Int) throws {
    var words = [Int](repeating: 1, count: 60)
    words[place] = 12
    let guest = Guest(words: words, limits: .limited(reads: 13))
    let engine = SnapshotEngine(guest.memory)
    _ = try engine.snapshot { view throws(ReadFault) in try guest.walk(view) }
    guest.memory.forgetSamples()
    let snapshot = try engine.snapshot { view throws(ReadFault) in try guest.walk(view) }
    #expect(snapshot.value.map(\.count) == words)
    // Twelve words in each: six at best, and some for it to find its size again.
    #expect((6...10).contains(guest.memory.samples.count))
    #expect(guest.memory.excesses == 0)
  }

  @Test func anObjectThatIsGoneInTheLastPartMakesTwoInstantsAllTheSame() throws {
    let guest = Guest(objects: 2, words: 4, limits: .limited(reads: 5))
    let engine = SnapshotEngine(guest.memory)
    _ = try engine.snapshot { view throws(ReadFault) in try guest.walk(view) }
    guest.memory.forgetSamples()
    // Object 1 goes after object 0 was read: the table is from the second stop, object 0 is not.
    guest.memory.meanwhile = { instant in
      if instant == 1 { guest.memory.guest.write(0, at: (guest.table + 8).rawValue) }
    }
    let snapshot = try engine.snapshot { view throws(ReadFault) in try guest.walk(view) }
    #expect(snapshot.value.count == 1)
    #expect(guest.memory.samples.count == 2)
    #expect(snapshot.stops == 2)
  }

  @Test func discoveryKeepsTheLimitsToo() throws {
    let guest = Guest(objects: 50, words: 3, limits: .limited(reads: 7))
    _ = try SnapshotEngine(guest.memory).snapshot { view throws(ReadFault) in try guest.walk(view) }
    #expect(guest.memory.excesses == 0)
  }

  /// Nodes of pointers to objects, as a tree has them: each pointer in a page of its own.
  private struct Tree {
    var memory: ScriptedMemory
    var root: PhysicalAddress
    var nodes: [(place: PhysicalAddress, objects: [[PhysicalAddress]])]

    init(nodes count: Int, objects: Int, words: Int, limits: SampleLimits) {
      let ram = RAMBuilder(count: (count * (1 + objects * words) + 8) * 4096)
      root = ram.allocatePage()
      nodes = (0..<count).map { _ in
        (
          ram.allocatePage(),
          (0..<objects).map { _ in (0..<words).map { _ in ram.allocatePage() } }
        )
      }
      memory = ScriptedMemory(ram.memory(), limits: limits)
    }

    func walk(_ view: MemoryView) throws(ReadFault) -> [UInt64] {
      _ = try view.word(root.rawValue)
      var values: [UInt64] = []
      for (index, node) in nodes.enumerated() {
        let found = try view.object(key("node", index)) { () throws(ReadFault) in
          _ = try view.word(node.place.rawValue)
          var values: [UInt64] = []
          for (number, object) in node.objects.enumerated() {
            let id = index * node.objects.count + number
            let value = try view.object(key("object", id)) { () throws(ReadFault) in
              try view.each(object) { word throws(ReadFault) in try view.word(word.rawValue) }
            }
            if let value, Set(value).count == 1 { values.append(UInt64(id)) }
          }
          return values
        }
        values += found ?? []
      }
      return values
    }

    private func key(_ kind: String, _ id: Int) -> ObjectKey {
      ObjectKey(kind, id: UInt64(id), at: KernelVirtualAddress(0))
    }
  }

  @Test(arguments: [4, 6, 12, 40])
  func aPartHasTheNodesOfItsObjectsAndNoOthers(reads: Int) throws {
    let tree = Tree(nodes: 7, objects: 5, words: 2, limits: .limited(reads: reads))
    // Every word of every object is the number of the instant.
    tree.memory.meanwhile = { instant in
      for word in tree.nodes.flatMap(\.objects).joined() {
        tree.memory.guest.write(UInt64(instant), at: word.rawValue)
      }
    }
    let engine = SnapshotEngine(tree.memory)
    _ = try engine.snapshot { view throws(ReadFault) in try tree.walk(view) }
    tree.memory.forgetSamples()
    let snapshot = try engine.snapshot { view throws(ReadFault) in try tree.walk(view) }
    #expect(snapshot.value == Array(0..<35))
    #expect(snapshot.unreadable.isEmpty)
    #expect(snapshot.stops == tree.memory.samples.count && snapshot.stops > 1)
    #expect(tree.memory.excesses == 0)
    for part in tree.memory.samples {
      func has(_ place: PhysicalAddress) -> Bool {
        part.contains { $0.start <= place && place < $0.end }
      }
      #expect(has(tree.root))
      for node in tree.nodes {
        #expect(has(node.place) == node.objects.contains { has($0[0]) })
      }
    }
  }

  @Test func whatIsUnreadableInAnEarlierPartIsCountedOnce() throws {
    let tree = Tree(nodes: 4, objects: 3, words: 2, limits: .limited(reads: 4))
    tree.memory.absentPages = [
      tree.nodes[0].objects[1][1].rawValue >> 12, tree.nodes[2].place.rawValue >> 12,
    ]
    let snapshot = try SnapshotEngine(tree.memory).snapshot { view throws(ReadFault) in
      try tree.walk(view)
    }
    #expect(snapshot.value == [0, 2, 3, 4, 5, 9, 10, 11])
    #expect(snapshot.unreadable.map { "\($0.key)" } == ["object 1", "node 2"])
  }

  /// A second stop costs more than the bytes between.
  @Test func aPlanOfAFewReadsTooManyIsReadWithWhatLiesBetween() throws {
    let ram = RAMBuilder(count: 1 << 20)
    let start = ram.allocatePage()
    let places = (0..<12).map { start + $0 * 1024 }
    let memory = ScriptedMemory(ram.memory(), limits: .limited(reads: 10))
    let snapshot = try SnapshotEngine(memory).snapshot { view throws(ReadFault) in
      try view.each(places) { place throws(ReadFault) in try view.word(place.rawValue) }
    }
    #expect(snapshot.value == places.map { _ in 0 } && snapshot.consistency == .instant)
    #expect(memory.holds == 0 && memory.excesses == 0)
  }
}
