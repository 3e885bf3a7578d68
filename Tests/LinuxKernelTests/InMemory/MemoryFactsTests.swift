import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage
import TestSupport
import Testing

@testable import GuestScopeLinuxKernel

/// Facts of a kernel that are read from the memory of its guest.
@Suite struct MemoryFactsTests {
  private func find(
    _ guest: SyntheticGuest, known: [KnownKernel] = [],
    learn: @escaping (KernelFacts) -> Void = { _ in }
  ) throws -> (kernel: GuestKernel, memory: CountingMemory) {
    let memory = CountingMemory(ScriptedMemory(guest.memory))
    let facts = MemoryFacts(.x86, known: known, learn: learn)
    return (try GuestKernel(facts, in: SnapshotEngine(memory)), memory)
  }

  private func failure(_ guest: SyntheticGuest) throws -> String {
    let error = #expect(throws: KernelError.self) { try find(guest) }
    return "\(try #require(error))"
  }

  @Test(arguments: KallsymsBuilder.Layout.allCases)
  func aKernelIsFoundWithoutAFile(layout: KallsymsBuilder.Layout) throws {
    let guest = SyntheticGuest.withTables(layout)
    var learnt: [KernelFacts] = []
    let (kernel, _) = try find(guest) { learnt.append($0) }
    let expected = try GuestKernel(try guest.image(), in: SnapshotEngine(guest.memory))
    #expect(kernel.textBase == expected.textBase)
    #expect(kernel.banner == SyntheticGuest.banner)
    #expect(kernel.buildID == (1...20).map { $0 })
    #expect(kernel.cpuIDs == 2)
    #expect(kernel.addressSpace.tables.root == guest.tables.root)
    #expect(kernel.origin.kind == .memory && kernel.kaslrOffset == nil)
    for (name, _) in guest.symbols {
      #expect(try kernel.address(of: name) == expected.address(of: name), "\(name)")
    }
    #expect(kernel.btf.endID == expected.btf.endID)
    #expect(learnt.map(\.buildID) == [kernel.buildID])
    #expect(learnt.map(\.banner) == [SyntheticGuest.banner])
  }

  @Test func aKernelThatIsKnownIsNotReadAgain() throws {
    let guest = SyntheticGuest.withTables()
    var learnt: [KernelFacts] = []
    let (_, cold) = try find(guest) { learnt.append($0) }
    let known = try #require(learnt.first.flatMap { KnownKernel($0) })
    // Another boot of it, elsewhere.
    let other = SyntheticGuest.withTables(slide: 0x2a00_0000)
    let (kernel, warm) = try find(other, known: [known]) { learnt.append($0) }
    #expect(kernel.textBase.rawValue == other.textBase)
    #expect(
      try kernel.address(of: "prog_idr").rawValue == other.textBase + other.symbols["prog_idr"]!)
    #expect(learnt.count == 1)
    #expect(cold.bytes > 200_000 && warm.bytes < 20_000)
  }

  /// The same source, asked again: what it has read it knows.
  @Test func aSourceKnowsWhatItHasRead() throws {
    let memory = ScriptedMemory(SyntheticGuest.withTables().memory)
    let engine = SnapshotEngine(memory)
    var learnt = 0
    let facts = MemoryFacts(.x86) { _ in learnt += 1 }
    let first = try GuestKernel(facts, in: engine)
    memory.become(SyntheticGuest.withTables(slide: 0x2a00_0000).memory)
    let second = try GuestKernel(facts, in: engine)
    #expect(learnt == 1)
    #expect(second.slide == first.slide &+ 0x0d00_0000)
  }

  @Test(arguments: ["architecture", "build-id", "distance", "gone"])
  func aKernelThatIsNotTheKnownOneIsRead(what: String) throws {
    let guest = SyntheticGuest.withTables()
    var learnt: [KernelFacts] = []
    _ = try find(guest) { learnt.append($0) }
    let facts = try #require(learnt.first)
    var known = try #require(KnownKernel(facts))
    var asked = 0
    known.facts = {
      asked += 1
      return what == "gone" ? nil : facts
    }
    switch what {
    case "architecture": known.architecture = .arm64
    case "build-id": known.buildID = [9, 9, 9]
    case "distance": known.noteDistances = [0x40, .max, 1 << 40]
    default: break
    }
    let (kernel, _) = try find(guest, known: [known]) { learnt.append($0) }
    #expect(kernel.textBase.rawValue == guest.textBase)
    #expect(learnt.count == 2)
    #expect(asked == (what == "gone" ? 1 : 0))
  }

  // MARK: Refusals

  @Test func aKernelThatHasNotSetItselfUpIsBooting() throws {
    let guest = SyntheticGuest.withTables()
    let early = PageTableBuilder(.x86(fiveLevel: false), in: guest.ram)
    early.map(pages: 16, from: guest.textBase, to: guest.imagePhysical.rawValue, executable: true)
    guest.registers["cr3"] = early.root.rawValue
    #expect(try failure(guest).contains("the guest is booting"))
  }

  /// A file is what helps where the memory does not say enough; the banner says which.
  private func expectRefusal(_ guest: SyntheticGuest, _ what: String) throws {
    let message = try failure(guest)
    #expect(message.contains(what), "\(message)")
    #expect(message.contains("the guest runs Linux 6.1.0-test"), "\(message)")
    #expect(message.hasSuffix("give its vmlinuz or vmlinux with -k"), "\(message)")
  }

  @Test func aKernelWithoutSymbolsIsRefused() throws {
    let guest = SyntheticGuest.withTables()
    guest.ram.write([UInt8](repeating: 0, count: 0x6_8000), at: guest.tablesPhysical)
    try expectRefusal(guest, "no symbol table was found in its memory")
  }

  @Test func aKernelWithoutTypesIsRefused() throws {
    let names: Set = ["__start_BTF", "__stop_BTF"]
    try expectRefusal(.withTables(without: names), "no BTF type information was found")
    let guest = SyntheticGuest.withTables()
    guest.ram.write(0 as UInt32, at: guest.place("__start_BTF"))
    try expectRefusal(guest, "no BTF type information was found")
  }

  @Test func damagedTypesAreRefused() throws {
    let guest = SyntheticGuest.withTables()
    guest.ram.write(0xff as UInt8, at: guest.place("__stop_BTF") + -2)
    try expectRefusal(guest, "a string that is not text")
  }

  @Test func tablesThatContradictThePageTablesAreRefused() throws {
    let guest = SyntheticGuest.withTables()
    // The image is one page further on than its symbols say.
    let tables = PageTableBuilder(.x86(fiveLevel: false), in: guest.ram)
    guest.mapImage(in: tables)
    tables.map(
      guest.textBase - 0x1000, to: guest.imagePhysical.rawValue - 0x1000, writable: false,
      executable: true)
    guest.registers["cr3"] = tables.root.rawValue
    try expectRefusal(guest, "the code does not begin where _stext and _text say")
  }

  /// kallsyms_seqs_of_names, the last thing in the tables.
  @Test func namesInAnotherOrderAreRefused() throws {
    let guest = SyntheticGuest.withTables(.aWithSequences)
    let bytes = guest.ram.bytes
    let start = Int(guest.tablesPhysical.rawValue)
    // "f" and digits, in the order of their numbers: the token of `f` is itself.
    let name = Array("tf777".utf8)
    let place = try #require(
      (start..<start + 0x6_0000).first {
        bytes[$0] == 5 && bytes[$0 + 1..<$0 + 6].elementsEqual(name)
      })
    guest.ram.write(UInt8(ascii: "z"), at: PhysicalAddress(UInt64(place + 2)))
    try expectRefusal(guest, "not in the order that kallsyms_seqs_of_names says")
  }
}
