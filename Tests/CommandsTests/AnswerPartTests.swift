import GuestScopeBytes
import GuestScopeGuestMemory
import TestSupport
import Testing

@testable import Commands
@testable import GuestScopeLinuxKernel

/// Parts of one answer, of which one cannot be read.
@Suite struct AnswerPartTests {
  private let guest = SyntheticGuest(ramBytes: 4 << 20)

  /// Two parts: the first ends where a test says, the second is a word that rests.
  private func parts(
    of memory: any GuestMem, first: @escaping (Walk) throws(ReadFault) -> UInt64
  ) throws -> (first: AnswerPart<UInt64>, second: AnswerPart<UInt64>, others: [UnreadableObject]) {
    let place = guest.place("prog_idr")
    let engine = SnapshotEngine(memory)
    let kernel = try GuestKernel(try guest.image(), in: engine)
    let snapshot = try kernel.snapshot(engine) { walk throws(ReadFault) in
      try walk.view.together(
        walk.part("first") { () throws(ReadFault) in try first(walk) },
        walk.part("second") { () throws(ReadFault) in
          try walk.view.load(UInt64.self, at: place)
        })
    }
    return (snapshot.value.0, snapshot.value.1, snapshot.unreadable)
  }

  @Test func aPartThatChangesTooFastIsLackingAlone() throws {
    // Ways of many words, one of which the guest chooses before each sample.
    let ways = (0..<40).map { _ in (0..<30).map { _ in guest.ram.allocate(1024) } }
    for way in ways {
      for (word, next) in zip(way, way.dropFirst()) { guest.ram.write(next.rawValue, at: word) }
    }
    let head = guest.ram.allocate(1024)
    guest.ram.write(ways[0][0].rawValue, at: head)
    let bytes = guest.memory
    let memory = ScriptedMemory(
      bytes,
      limits: SampleLimits(
        readBytes: 2048, reads: .max, bytes: 1 << 20, pause: .nanoseconds(1), stopCost: .zero,
        readCost: 0, byteCost: 0))
    memory.meanwhile = { sample in
      var place: [UInt8] = []
      place.append(littleEndian: ways[sample % ways.count][0].rawValue)
      bytes.write(place, at: head)
    }
    let parts = try parts(of: memory) { walk throws(ReadFault) in
      var address = head.rawValue
      for _ in 0..<30 { address = try walk.view.load(UInt64.self, at: PhysicalAddress(address)) }
      return address
    }
    #expect((parts.first.failure as? Unreadable)?.reason == .moving)
    #expect(try parts.second.get() == guest.ram.u64(at: guest.place("prog_idr")))
    #expect(parts.others.isEmpty)
  }

  @Test func aPartThatLeadsOnAndOnSaysSo() throws {
    // One word leads to the next one, further than a walk goes.
    let most = SnapshotEngine.usualWaveLimit
    let way = (0..<most + 30).map { _ in guest.ram.allocate(4096) }
    for (word, next) in zip(way, way.dropFirst()) { guest.ram.write(next.rawValue, at: word) }
    let parts = try parts(of: guest.memory) { walk throws(ReadFault) in
      var address = way[0].rawValue
      for _ in way.dropFirst() {
        address = try walk.view.load(UInt64.self, at: PhysicalAddress(address))
      }
      return address
    }
    #expect((parts.first.failure as? Unreadable)?.reason == .tooDeep(waves: most))
    #expect(throws: Never.self) { try parts.second.get() }
    #expect(parts.others.isEmpty)
  }

  @Test func aPartThatIsUnreadableSaysWhy() throws {
    let parts = try parts(of: ScriptedMemory(guest.memory)) { _ throws(ReadFault) in
      throw .corrupt("a test", at: KernelVirtualAddress(1))
    }
    #expect((parts.first.failure as? Unreadable)?.reason == .corrupt("a test"))
    #expect(throws: Never.self) { try parts.second.get() }
    #expect(parts.others.isEmpty)
  }
}
