import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// A kernel structure of tests, and one that it leads to.
private struct Widget: KernelStruct {
  static let kernelName = "widget"
  let id = Member<UInt32>("id")
  let big = Member<UInt64>("big")
  let name = Member<String>("name", size: 16)
  let next = Member<KernelVirtualAddress>("next")
  let flag = OptionalMember<Bool>("flag")
  let bit = OptionalMember<Bool>("bit")
  let far = OptionalMember<UInt32>("far")
  let owner = OptionalLink<Owner>("owner")
}

private struct Owner: KernelStruct {
  static let kernelName = "owner"
  let type = Member<UInt32>("type")
}

/// One that leads to another of its kind.
private struct LinkedTable: KernelStruct {
  static let kernelName = "linked_table"
  let size = Member<UInt32>("size")
  let next = OptionalLink<LinkedTable>("next")
}

private struct NamedThing: KernelStruct {
  static let kernelName = "named_thing"
  let name = Member<String>("name", size: 16)
}

@Suite struct StructTests {
  private static let members: [(name: String, offset: Int, type: KernelTypes.Member)] = [
    ("id", 4, .u32), ("big", 8, .u64), ("name", 16, .bytes(16)), ("next", 32, .pointer),
  ]

  private typealias Extra = [(name: String, offset: Int, type: KernelTypes.Member)]

  /// The types of a kernel in which the widget has these members as well, or instead.
  private func types(_ more: Extra = [], without: String = "") -> KernelTypes {
    var types = KernelTypes.kernel(.linux6)
    types.declare("owner", size: 16, [("type", 8, .u32)])
    let changed = Set(more.map(\.name))
    types.declare(
      "widget", size: 4096,
      Self.members.filter { $0.name != without && !changed.contains($0.name) } + more)
    return types
  }

  private func layout(_ more: Extra = [], without: String = "") throws -> StructLayout<Widget> {
    try StructLayouts(try BTF(types(more, without: without).blob)).layout(of: Widget.self)
  }

  /// Reads a widget of a guest; an owner lies a page after it.
  private func read<T>(
    _ more: Extra = [], reads: Int = 1,
    _ body: @escaping (KernelObject<Widget>) throws(ReadFault) -> T
  ) throws -> T {
    let guest = SyntheticGuest(types(more))
    let ram = guest.ram
    let widget = ram.allocate(0x2000, alignment: 4096)
    ram.write(7 as UInt32, at: widget + 4)
    ram.write(0x1122_3344_5566_7788 as UInt64, at: widget + 8)
    ram.write(Array("gadget\0junk".utf8), at: widget + 16)
    ram.write(0x2000 as UInt64, at: widget + 32)
    ram.write([1, 0b100, 0], at: widget + 40)
    ram.write(guest.direct(widget) + 0x1000, at: widget + 48)
    ram.write(99 as UInt32, at: widget + 2048)
    ram.write(6 as UInt32, at: widget + 0x1000)
    ram.write(5 as UInt32, at: widget + 0x1008)
    let engine = SnapshotEngine(ScriptedMemory(guest.memory))
    let kernel = try GuestKernel(try guest.image(), in: engine)
    // More reads than this in a pass are an error; one is that of the CPUs.
    engine.stepLimit = reads + 1
    let address = KernelVirtualAddress(guest.direct(widget))
    return try kernel.snapshot(engine) { walk throws(ReadFault) in
      try body(try walk.read(Widget.self, at: address))
    }.value
  }

  @Test func anObjectIsOneRead() throws {
    try read([("flag", 40, .u8), ("bit", 40, .bit(10))]) { widget throws(ReadFault) in
      #expect(widget.id == 7)
      #expect(widget.big == 0x1122_3344_5566_7788)
      #expect(widget.name == "gadget")
      #expect(widget.next == KernelVirtualAddress(0x2000))
      #expect(widget.flag == true && widget.bit == true)
      #expect(widget.far == nil)
      #expect(try widget.owner == nil && !widget.has(\.owner))
    }
  }

  @Test func membersThatLieFarApartAreReadApart() throws {
    let far: Extra = [("far", 2048, .u32)]
    #expect(try read(far, reads: 2) { $0.far } == 99)
    #expect(throws: (any Error).self) { try read(far, reads: 1) { $0.far } }
  }

  @Test func aLinkIsEmbeddedOrAPointerAsTheKernelHasIt() throws {
    // An owner that is embedded at the widget's end has its type on the next page.
    func type(_ member: KernelTypes.Member, at offset: Int) throws -> UInt32? {
      try read([("owner", offset, member)], reads: 2) { widget throws(ReadFault) in
        try widget.owner?.type
      }
    }
    #expect(try type(.structure("owner"), at: 0x1000 - 8) == 6)
    #expect(try type(.pointerTo("owner"), at: 48) == 5)
    // The BTF does not say what the pointer leads to: the declaration does.
    #expect(try type(.pointer, at: 48) == 5)
    #expect(try type(.pointerTo("owner"), at: 56) == nil)
  }

  @Test(
    arguments: [
      ("id", .u64, "an integer of 8 bytes"), ("id", .u16, "an integer of 2 bytes"),
      ("id", .pointer, "a pointer of 8 bytes"), ("big", .pointer, "a pointer of 8 bytes"),
      ("next", .u64, "an integer of 8 bytes"), ("name", .bytes(15), "an array of 15 bytes"),
      ("name", .u64, "an integer of 8 bytes"), ("flag", .u32, "an integer of 4 bytes"),
      ("id", .bit(0), "a bit-field of 1 bit"), ("owner", .u32, "an integer of 4 bytes"),
      ("flag", .structure("owner"), "a struct of 16 bytes"),
    ] as [(String, KernelTypes.Member, String)])
  func aMemberThatChangedIsAnErrorThatNamesIt(
    name: String, type: KernelTypes.Member, found: String
  ) throws {
    let error = #expect(throws: BTFError.self) { try layout([(name, 64, type)]) }
    let text = "\(try #require(error))"
    #expect(text.hasPrefix("\(name) of struct widget is \(found) in this kernel's BTF;"), "\(text)")
  }

  /// Damaged types may embed a structure in itself, or have an array of itself.
  @Test func typesThatContainThemselvesAreRefused() throws {
    var tables = BTFBuilder()
    tables.int("unsigned int", size: 4)
    tables.add(.const, "", 3)
    tables.composite(.union, "linked_table", size: 8, [("size", 1, 0), ("next", 2, 0)])
    let unions = StructLayouts(try BTF(tables.blob))
    #expect(throws: BTFError.self) { try unions.layout(of: LinkedTable.self) }
    var things = BTFBuilder()
    things.int("char", size: 1)
    things.add(.array, "", 0, [3, 1, 2])
    things.add(.array, "", 0, [2, 1, 2])
    things.composite(.struct, "named_thing", size: 16, [("name", 2, 0)])
    let arrays = StructLayouts(try BTF(things.blob))
    #expect(throws: BTFError.self) { try arrays.layout(of: NamedThing.self) }
  }

  @Test(arguments: ["id", "big", "name", "next"])
  func aRequiredMemberThatIsMissingIsNamed(name: String) throws {
    let error = #expect(throws: BTFError.self) { try layout(without: name) }
    #expect(error == .noMember(path: name, structName: "widget"))
  }
}
