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
  let owner = Link<Owner>("owner", isRequired: false)
}

private struct Owner: KernelStruct {
  static let kernelName = "owner"
  let type = Member<UInt32>("type")
}

@Suite struct StructTests {
  private static let members: [(name: String, offset: Int, type: KernelTypes.Member)] = [
    ("id", 4, .u32), ("big", 8, .u64), ("name", 16, .bytes(16)), ("next", 32, .pointer),
  ]

  /// The BTF of a kernel in which the widget has these members as well, or instead.
  private func btf(
    _ more: [(name: String, offset: Int, type: KernelTypes.Member)] = [], without: String = ""
  ) throws -> BTF {
    var types = KernelTypes()
    types.declare("owner", size: 16, [("type", 8, .u32)])
    let changed = Set(more.map(\.name))
    types.declare(
      "widget", size: 4096,
      Self.members.filter { $0.name != without && !changed.contains($0.name) } + more)
    return try BTF(types.blob)
  }

  private struct Flat: AddressSpace {
    func translate(
      page: KernelVirtualAddress, in view: MemoryView
    ) throws(ReadFault) -> PhysicalAddress { PhysicalAddress(page.rawValue) }
  }

  /// Reads from memory in which a widget lies at 0x1000, and an owner at 0x2000.
  private func read<T>(
    _ btf: BTF, reads: Int = 1,
    _ body: @escaping (KernelObject<Widget>, MemoryView) throws(ReadFault) -> T
  ) throws -> T {
    let ram = RAMBuilder(count: 0x4000)
    let widget = PhysicalAddress(0x1000)
    ram.write(7 as UInt32, at: widget + 4)
    ram.write(0x1122_3344_5566_7788 as UInt64, at: widget + 8)
    ram.write(Array("gadget\0junk".utf8), at: widget + 16)
    ram.write(0x2000 as UInt64, at: widget + 32)
    ram.write([1, 0b100, 0], at: widget + 40)
    ram.write(0x2000 as UInt64, at: widget + 48)
    ram.write(99 as UInt32, at: widget + 2048)
    ram.write(6 as UInt32, at: PhysicalAddress(0x2000))
    ram.write(5 as UInt32, at: PhysicalAddress(0x2008))
    let layout = try StructLayout<Widget>(btf)
    let engine = SnapshotEngine(ScriptedMemory(ram.memory()))
    // More reads than this in a pass are an error.
    engine.stepLimit = reads
    return try engine.snapshot(in: Flat()) { view throws(ReadFault) in
      try body(try layout.read(at: KernelVirtualAddress(0x1000), in: view), view)
    }.value
  }

  @Test func anObjectIsOneRead() throws {
    let btf = try btf([("flag", 40, .u8), ("bit", 40, .bit(10))])
    try read(btf) { widget, _ in
      #expect(widget.id == 7)
      #expect(widget.big == 0x1122_3344_5566_7788)
      #expect(widget.name == "gadget")
      #expect(widget.next == KernelVirtualAddress(0x2000))
      #expect(widget.flag == true && widget.bit == true)
      #expect(widget.far == nil && widget.owner == nil)
    }
  }

  @Test func membersThatLieFarApartAreReadApart() throws {
    let btf = try btf([("far", 2048, .u32)])
    #expect(try read(btf, reads: 2) { widget, _ in widget.far } == 99)
    #expect(throws: (any Error).self) { try read(btf, reads: 1) { widget, _ in widget.far } }
  }

  @Test func aLinkIsEmbeddedOrAPointerAsTheKernelHasIt() throws {
    let embedded = try btf([("owner", 0x1000 - 8, .structure("owner"))])
    let ofPointer = try btf([("owner", 48, .pointerTo("owner"))])
    let ofVoid = try btf([("owner", 48, .pointer)])
    // An owner that is embedded at 0x1ff8 has its type at 0x2000.
    func type(_ btf: BTF) throws -> UInt32? {
      try read(btf, reads: 2) { widget, view throws(ReadFault) in
        try widget.owner?.read(in: view).type
      }
    }
    #expect(try type(embedded) == 6)
    #expect(try type(ofPointer) == 5)
    #expect(try type(ofVoid) == 5)
    let null = try btf([("owner", 56, .pointerTo("owner"))])
    #expect(try read(null) { widget, _ in widget.owner == nil && widget.has(\.owner) })
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
    let btf = try btf([(name, 64, type)])
    let error = #expect(throws: BTFError.self) { try StructLayout<Widget>(btf) }
    let text = "\(try #require(error))"
    #expect(text.hasPrefix("\(name) of struct widget is \(found) in this kernel's BTF;"), "\(text)")
  }

  @Test(arguments: ["id", "big", "name", "next"])
  func aRequiredMemberThatIsMissingIsNamed(name: String) throws {
    let btf = try btf(without: name)
    let error = #expect(throws: BTFError.self) { try StructLayout<Widget>(btf) }
    #expect(error == .noMember(path: name, structName: "widget"))
  }
}
