import GuestScopeBTF
import TestSupport
import Testing

@Suite struct LayoutTests {
  let btf: BTF

  init() throws { btf = try Sample.btf() }

  // The numbers are those that pahole prints for sample.o.
  @Test(
    arguments: [
      ("pages", 0, 2), ("type", 4, 4), ("tag", 8, 8), ("stats", 16, 16), ("len", 32, 4),
      ("place", 40, 8), ("name", 48, 8), ("anonymous_id", 48, 4), ("next", 56, 8), ("run", 80, 8),
      ("table", 88, 48), ("ready", 168, 1), ("insns", 176, 0), ("stats.nsecs", 24, 8),
      ("stats.nsecs.counter", 24, 8), ("place.high", 44, 4), ("place.address", 40, 8),
    ])
  func members(path: String, offset: Int, size: Int) throws {
    let field = try btf.requiredField(path, of: "prog")
    #expect(field.offset == offset)
    #expect(field.size == size)
    #expect(field.bits == nil)
  }

  @Test func bitFields() throws {
    let first = try btf.requiredField("jited", of: "prog")
    #expect((first.offset, first.size) == (2, 1))
    #expect(first.bits == 0..<1)
    let third = try btf.requiredField("cb_access", of: "prog")
    #expect((third.offset, third.size) == (2, 1))
    #expect(third.bits == 2..<5)
  }

  @Test func aBitFieldMayCrossBytes() throws {
    var builder = BTFBuilder()
    builder.int("unsigned int", size: 4)
    builder.composite(.struct, "s", size: 8, flag: true, [("wide", 1, 12 << 24 | 39)])
    let field = try BTF(builder.blob).requiredField("wide", of: "s")
    #expect((field.offset, field.size) == (4, 3))
    #expect(field.bits == 7..<19)
  }

  @Test func anIntMaySayItsBitsItself() throws {
    var builder = BTFBuilder()
    builder.int("unsigned int", size: 4, bits: 3, bitOffset: 2)
    builder.composite(.struct, "s", size: 4, [("old", 1, 8)])
    let field = try BTF(builder.blob).requiredField("old", of: "s")
    #expect((field.offset, field.size) == (1, 1))
    #expect(field.bits == 2..<5)
  }

  @Test(arguments: [
    "missing", "stats.missing", "pages.x", "next.pages", "jited.x", "", ".", "tag.",
  ])
  func absentMembers(path: String) throws {
    #expect(try btf.field(path, of: "prog") == nil)
    #expect(throws: BTFError.noMember(path: path, structName: "prog")) {
      try btf.requiredField(path, of: "prog")
    }
  }

  @Test func errorsNameStructAndMember() {
    #expect(
      BTFError.noMember(path: "aux.id", structName: "bpf_prog").description
        == "struct bpf_prog has no member aux.id in this kernel's BTF")
    #expect(throws: BTFError.noStruct(name: "nothing")) { try btf.field("a", of: "nothing") }
  }

  @Test func declarationsReadLikeC() throws {
    let rows = try #require(try btf.layout(of: btf.structID("prog")))
    let declarations = rows.map { String(repeating: " ", count: $0.depth) + $0.declaration }
    #expect(
      declarations == [
        "u16 pages", "u16 jited:1", "u16 gpl_compatible:1", "u16 cb_access:3",
        "enum prog_type type", "u8 tag[8]", "volatile struct stats stats", "struct {...}",
        " u32 len", " union {...} place", " union {...}", "  const char *name",
        "  u32 anonymous_id", "struct prog *next", "const struct forward *owner",
        "union forward_union *other", "int (*run)(const void *, struct prog *, ...)",
        "int (*table[2][3])(void)", "void *restrict scratch", "char *const fixed", "float ratio",
        "u32 *tagged", "_Bool ready", "unsigned long long insns[0]",
      ])
    #expect(rows.first { $0.name == "anonymous_id" }?.field.offset == 48)
    let run = try #require(btf.id(named: "run", kind: .func))
    #expect(try btf.declaration(of: run) == "int run(struct prog *)")
    #expect(try btf.layout(of: run) == nil)
  }
}
