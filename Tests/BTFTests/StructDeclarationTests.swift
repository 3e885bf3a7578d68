import GuestScopeBTF
import TestSupport
import Testing

@Suite struct StructDeclarationTests {
  private func base() throws -> BTF {
    var builder = BTFBuilder()
    for (name, size) in [("unsigned char", 1), ("short unsigned int", 2), ("unsigned int", 4)] {
      builder.int(name, size: UInt32(size))
    }
    for (index, name) in ["bool", "u16", "u32"].enumerated() {
      builder.add(.typedef, name, UInt32(index + 1))
    }
    builder.add(.ptr, "", 0)
    builder.composite(.struct, "list_head", size: 16, [("next", 7, 0), ("prev", 7, 64)])
    // Twelve bytes that may begin at any fourth one.
    builder.composite(.struct, "result", size: 12, [("a", 3, 0), ("b", 3, 32), ("c", 3, 64)])
    return try BTF(builder.blob)
  }

  @Test func membersStandWhereACompilerPutsThem() throws {
    let declared = StructDeclaration(
      "filter",
      [
        ("program", .pointer), ("ready", .typedef("bool")), ("link", .structure("list_head")),
        ("result", .structure("result")), ("number", .typedef("u16")), ("set", .typedef("bool")),
        ("flags", .typedef("u32")), ("last", .typedef("bool")),
      ])
    let btf = try BTF.declaring([declared], base: try base())
    let places = try declared.members.map { try btf.requiredField($0.name, of: "filter") }
    #expect(places.map(\.offset) == [0, 8, 16, 32, 44, 46, 48, 52])
    #expect(places.map(\.size) == [8, 1, 16, 12, 2, 1, 4, 1])
    #expect(btf.size(of: try btf.structID("filter")) == 56)
    #expect(try btf.requiredField("link.prev", of: "filter").offset == 24)
  }

  @Test func severalAreDeclaredAndTheBaseStays() throws {
    let base = try base()
    let btf = try BTF.declaring(
      [
        StructDeclaration("one", [("number", .typedef("u32"))]),
        StructDeclaration("two", [("head", .structure("list_head"))]),
      ], base: base)
    #expect(btf.size(of: try btf.structID("one")) == 4)
    #expect(btf.size(of: try btf.structID("two")) == 16)
    #expect(try btf.structID("result") == base.structID("result"))
  }

  @Test func aTypeThatTheKernelLacksIsNamed() throws {
    let base = try base()
    #expect(throws: BTFError.noStruct(name: "tcf_exts")) {
      try BTF.declaring([StructDeclaration("s", [("exts", .structure("tcf_exts"))])], base: base)
    }
    #expect(throws: BTFError.noTypedef(name: "u64")) {
      try BTF.declaring([StructDeclaration("s", [("wide", .typedef("u64"))])], base: base)
    }
  }
}
