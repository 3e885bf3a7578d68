import GuestScopeBytes
import GuestScopeGuestMemory
import TestSupport
import Testing

@Suite struct ConstantTests {
  private let chains = Chains(objects: 2, depth: 3)
  private static let key = ObjectKey("chain", id: 1, at: KernelVirtualAddress(1))

  /// A word that changes, and the end of a chain that does not.
  private func walk(
    _ view: MemoryView, _ reads: inout Int
  ) throws(ReadFault) -> [UInt64] {
    let count = reads
    var made = 0
    let value = try view.together(
      view.word(chains.heads[0].rawValue),
      view.constant(Self.key) { () throws(ReadFault) in
        var address = chains.heads[1].rawValue
        for _ in 0..<3 { address = try view.word(address) }
        made += 1
        return address
      })
    reads = count + made
    return [value.0, value.1]
  }

  @Test func aConstantIsReadOnceAndNeverInAClosingStop() throws {
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    var made = 0
    let constant = Set(chains.words[1].map(\.rawValue))
    for round in 0..<3 {
      let before = memory.samples.count
      let snapshot = try engine.snapshot { view throws(ReadFault) in try walk(view, &made) }
      #expect(snapshot.value == [chains.words[0][1].rawValue, 2])
      #expect(snapshot.waves == (round == 0 ? 3 : 0))
      let closing = try #require(memory.samples.last)
      #expect(!closing.contains { constant.contains($0.start.rawValue) })
      #expect(memory.samples.count - before == (round == 0 ? 4 : 1))
    }
    #expect(made == 1)
  }

  /// The ids of objects are cyclic, the memory of one that went is the next one's.
  @Test func aConstantOfAnotherObjectAtTheSamePlaceIsReadAgain() throws {
    let bytes = chains.memory
    let engine = SnapshotEngine(ScriptedMemory(bytes))
    let (id, content) = (chains.heads[0], chains.heads[1])
    func value() throws -> [UInt64] {
      try engine.snapshot { view throws(ReadFault) in
        let id = try view.word(id.rawValue)
        let key = ObjectKey("object", id: id, at: KernelVirtualAddress(content.rawValue))
        return [
          id, try view.constant(key) { () throws(ReadFault) in try view.word(content.rawValue) },
        ]
      }.value
    }
    for words: [UInt64] in [[1, 100], [2, 200], [3, 300]] {
      write(words, at: [id, content], in: bytes)
      #expect(try value() == words)
    }
  }

  private func write(
    _ words: [UInt64], at places: [PhysicalAddress], in memory: ByteBufferMemory
  ) {
    for (word, place) in zip(words, places) {
      var littleEndian: [UInt8] = []
      littleEndian.append(littleEndian: word)
      memory.write(littleEndian, at: place)
    }
  }

  @Test func nothingIsAConstantToo() throws {
    let engine = SnapshotEngine(ScriptedMemory(chains.memory))
    var made = 0
    for _ in 0..<2 {
      let snapshot = try engine.snapshot { view throws(ReadFault) -> UInt64? in
        try view.constant(Self.key) { () throws(ReadFault) -> UInt64? in
          let word = try view.word(chains.heads[0].rawValue)
          made += 1
          return word == 0 ? 1 : nil
        }
      }
      #expect(snapshot.value == nil)
    }
    #expect(made == 1)
  }

  @Test func whatCannotBeMadeIsTriedAgainByTheNextSnapshot() throws {
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    var isDamaged = true
    func value() throws -> Snapshot<UInt64> {
      try engine.snapshot { view throws(ReadFault) in
        do throws(ReadFault) {
          return try view.constant(Self.key) { () throws(ReadFault) in
            let word = try view.word(chains.heads[0].rawValue)
            if isDamaged { throw .corrupt("it", at: KernelVirtualAddress(word)) }
            return 1
          }
        } catch {
          guard case .unreadable = error else { throw error }
          return 0
        }
      }
    }
    #expect(try value().value == 0)
    #expect(memory.holds == 0)
    isDamaged = false
    #expect(try value().value == 1)
  }

  @Test func whatAnObjectInsideHasNotReadYetIsNotAConstant() throws {
    let snapshot = try SnapshotEngine(ScriptedMemory(chains.memory)).snapshot {
      view throws(ReadFault) in
      try view.constant(Self.key) { () throws(ReadFault) in
        try view.object(chains.key(0)) { () throws(ReadFault) in
          try view.word(chains.heads[0].rawValue)
        }
      }
    }
    #expect(snapshot.value == chains.words[0][1].rawValue)
  }

  @Test func anotherKernelHasOtherConstants() throws {
    let engine = SnapshotEngine(ScriptedMemory(chains.memory))
    var made = 0
    _ = try engine.snapshot { view throws(ReadFault) in try walk(view, &made) }
    engine.forget()
    _ = try engine.snapshot { view throws(ReadFault) in try walk(view, &made) }
    #expect(made == 2)
  }

  @Test func aPageThatAConstantIsOnIsTranslatedForThePlanAsWell() throws {
    let ram = RAMBuilder(count: 1 << 16)
    let tables = PageTableBuilder(.x86(fiveLevel: false), in: ram)
    let page = ram.allocatePage()
    ram.write(7 as UInt64, at: page)
    ram.write(8 as UInt64, at: page + 8)
    let address: UInt64 = 0xffff_b234_8000_0000
    tables.map(address, to: page.rawValue)
    struct Tables: AddressSpace {
      let entry: PhysicalAddress
      func translate(
        page: KernelVirtualAddress, in view: MemoryView
      ) throws(ReadFault) -> PhysicalAddress {
        PhysicalAddress(try view.load(UInt64.self, at: entry) & 0xf_ffff_f000)
      }
    }
    let memory = ScriptedMemory(ram.memory())
    let entry = tables.entry(of: address, level: 3)
    let snapshot = try SnapshotEngine(memory).snapshot(in: Tables(entry: entry)) {
      view throws(ReadFault) in
      let constant = try view.constant(Self.key) { () throws(ReadFault) in
        try view.u64(at: KernelVirtualAddress(address))
      }
      return constant + (try view.u64(at: KernelVirtualAddress(address + 8)))
    }
    #expect(snapshot.value == 15)
    // The closing stop has the entry, and the word that is not a constant.
    let closing = try #require(memory.samples.last)
    #expect(closing.contains { $0.start == entry })
    #expect(!closing.contains { $0.start == page && $0.count < 16 && $0.count != 8 })
  }

  /// An object inside keeps a miss to itself, and what is looked for in it is not there for now.
  @Test func aConstantThatIsNotFoundYetIsLookedForAgain() throws {
    let engine = SnapshotEngine(ScriptedMemory(chains.memory))
    let snapshot = try engine.snapshot { view throws(ReadFault) in
      try view.constant(Self.key) { () throws(ReadFault) in
        let (place, object) = (chains.heads[0], ObjectKey("word", id: 0, at: Self.key.address))
        let found = try view.object(object) { () throws(ReadFault) in
          try view.word(place.rawValue)
        }
        guard let found else { throw .missing("no such word", at: Self.key.address) }
        return found
      }
    }
    #expect(snapshot.value == chains.words[0][1].rawValue)
    #expect(snapshot.unreadable.isEmpty)
  }

  @Test func whatLastsIsReadOnceAndInNoClosingStop() throws {
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    let place = chains.heads[0].rawValue
    for round in 0..<3 {
      memory.forgetSamples()
      let snapshot = try engine.snapshot { view throws(ReadFault) in
        try view.together(
          view.word(chains.heads[1].rawValue),
          view.lasting(Self.key, of: Self.key) { () throws(ReadFault) in
            [try view.bytes(at: chains.heads[0], count: 8)[...]]
          })
      }
      #expect(snapshot.value.1?.first.map(Array.init)?.u64(at: 0) == chains.words[0][1].rawValue)
      let reads = memory.samples.joined().count { $0.start.rawValue == place }
      #expect(reads == (round == 0 ? 1 : 0))
      #expect(!(try #require(memory.samples.last).contains { $0.start.rawValue == place }))
    }
  }

  /// An object at the place of one that is gone: what the engine knows of the place is of the past.
  @Test func whatLastsIsNeverMadeOfWhatAnEarlierSnapshotRead() throws {
    let bytes = chains.memory
    let engine = SnapshotEngine(ScriptedMemory(bytes))
    let (id, content) = (chains.heads[0], chains.heads[1])
    func value(isLasting: Bool) throws -> [UInt64] {
      try engine.snapshot { view throws(ReadFault) in
        let id = try view.word(id.rawValue)
        guard isLasting else { return [id, try view.word(content.rawValue)] }
        let key = ObjectKey("object", id: id, at: KernelVirtualAddress(content.rawValue))
        let parts = try view.lasting(key, of: key) { () throws(ReadFault) in
          [try view.bytes(at: content, count: 8)[...]]
        }
        return [id, parts?.first.map(Array.init)?.u64(at: 0) ?? 0]
      }.value
    }
    for words: [UInt64] in [[1, 100], [2, 200], [3, 300]] {
      write(words, at: [id, content], in: bytes)
      #expect(try value(isLasting: words[0] > 1) == words)
    }
  }

  /// The object that discovery saw is gone when the closing stop comes, and another one is at its place.
  @Test func whatLastsIsNeverOlderThanItsKey() throws {
    let bytes = chains.memory
    let memory = ScriptedMemory(bytes)
    let engine = SnapshotEngine(memory)
    let (id, content) = (chains.heads[0], chains.heads[1])
    write([1, 100], at: [id, content], in: bytes)
    // Before the closing stop, which is the third.
    memory.meanwhile = { samples in
      if samples == 2 { write([2, 200], at: [id, content], in: bytes) }
    }
    let snapshot = try engine.snapshot { view throws(ReadFault) in
      let id = try view.word(id.rawValue)
      let key = ObjectKey("object", id: id, at: KernelVirtualAddress(content.rawValue))
      let parts = try view.lasting(key, of: key) { () throws(ReadFault) in
        [try view.bytes(at: content, count: 8)[...]]
      }
      return [id, parts?.first.map(Array.init)?.u64(at: 0) ?? 0]
    }
    #expect(snapshot.value == [2, 200] && snapshot.consistency == .instant)
  }

  /// A hold begins with all that is known to be needed, what lasts included: its waves are few.
  @Test func aHoldForecastsWhatLastsByWhatWasLearnt() throws {
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    func walk(_ view: MemoryView, keeps: Bool) throws(ReadFault) -> UInt64 {
      var address = chains.heads[0].rawValue
      for _ in 0..<3 {
        guard keeps else {
          address = try view.word(address)
          continue
        }
        let key = ObjectKey("link", id: address, at: KernelVirtualAddress(address))
        let parts = try view.lasting(key, of: key) { () throws(ReadFault) in
          [try view.bytes(at: PhysicalAddress(address), count: 8)[...]]
        }
        address = parts?.first.map(Array.init)?.u64(at: 0) ?? 0
      }
      return address
    }
    // So that the guide has all of it.
    let value = try engine.snapshot { view throws(ReadFault) in try walk(view, keeps: false) }.value
    memory.forgetSamples()
    try memory.hold()
    let held = try engine.snapshot { view throws(ReadFault) in try walk(view, keeps: true) }
    #expect(held.value == value && memory.samples.count == 1)
    try memory.release()
  }

  @Test func lastingBytesThatCannotBeReadAreInTheClosingStop() throws {
    let memory = ScriptedMemory(chains.memory)
    let place = chains.heads[0]
    memory.absentPages = [place.rawValue >> 12]
    let engine = SnapshotEngine(memory)
    let object = ObjectKey("chain", id: 2, at: KernelVirtualAddress(2))
    let snapshot = try engine.snapshot { view throws(ReadFault) in
      try view.object(object) { () throws(ReadFault) in
        try view.lasting(Self.key, of: Self.key) { () throws(ReadFault) in
          [try view.bytes(at: place, count: 8)[...]]
        }
      }
    }
    #expect(snapshot.unreadable.map(\.key) == [object])
    #expect(snapshot.consistency == .instant)
    #expect(try #require(memory.samples.last).contains { $0.start == place })
  }

  @Test func whatIsNotCompleteIsReadAgain() throws {
    let memory = ScriptedMemory(chains.memory)
    let engine = SnapshotEngine(memory)
    for _ in 0..<3 {
      let snapshot = try engine.snapshot { view throws(ReadFault) in
        try view.lasting(Self.key, of: Self.key) { () throws(ReadFault) -> [ArraySlice<UInt8>]? in
          _ = try view.word(chains.heads[0].rawValue)
          return nil
        }
      }
      #expect(snapshot.value == nil)
      #expect(try #require(memory.samples.last).isEmpty == false)
    }
  }
}
