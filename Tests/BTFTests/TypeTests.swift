import GuestScopeBTF
import TestSupport
import Testing

@Suite struct TypeTests {
  let btf: BTF

  init() throws { btf = try Sample.btf() }

  private func type(_ name: String, _ kind: BTFKind) throws -> BTFType {
    try btf.type(try #require(btf.id(named: name, kind: kind)))
  }

  @Test func scalars() throws {
    #expect(
      try type("unsigned short", .int) == .int(size: 2, bits: 16, bitOffset: 0, encoding: []))
    #expect(try type("int", .int) == .int(size: 4, bits: 32, bitOffset: 0, encoding: .signed))
    #expect(try type("_Bool", .int) == .int(size: 1, bits: 8, bitOffset: 0, encoding: .bool))
    #expect(try type("float", .float) == .float(size: 4))
    #expect(try type("forward", .fwd) == .fwd(isUnion: false))
    #expect(try type("forward_union", .fwd) == .fwd(isUnion: true))
    #expect(try btf.type(0) == .void)
  }

  @Test func functionsVariablesAndTags() throws {
    let run = try #require(btf.id(named: "run", kind: .func))
    guard case .func(let proto) = try btf.type(run),
      case .funcProto(let returns, let parameters) = try btf.type(proto)
    else { throw BTFError.noType(id: run) }
    #expect(try btf.name(of: returns) == "int")
    #expect(parameters.map { btf.text($0.name) } == ["prog"])
    #expect(try type("entry", .declTag) == .declTag(run, component: nil))
    let rcu = try #require(btf.id(named: "rcu", kind: .typeTag))
    #expect(try btf.declaration(of: rcu) == "u32")

    let first = try #require(btf.id(named: "first", kind: .var))
    guard case .datasec(_, let variables) = try type(".data", .datasec) else {
      throw BTFError.noType(id: first)
    }
    #expect(variables.map(\.type) == [first])
    #expect(variables.map(\.size) == [btf.size(of: first)])
  }

  /// A pointer to a function that does not return, one to a pure one, and one to a constant array.
  @Test func qualifiersOfFunctionsAreNoPartOfTheirC() throws {
    var builder = BTFBuilder()
    builder.int("int", size: 4)
    builder.add(.funcProto, "", 1)
    builder.add(.volatile, "", 2)
    builder.add(.ptr, "", 3)
    builder.add(.const, "", 2)
    builder.add(.ptr, "", 5)
    builder.add(.array, "", 0, [1, 1, 3])
    builder.add(.const, "", 7)
    builder.add(.ptr, "", 8)
    let btf = try BTF(builder.blob)
    #expect(try btf.declaration(of: 4, name: "exit") == "int (*exit)(void)")
    #expect(try btf.declaration(of: 6, name: "hash") == "int (*hash)(void)")
    #expect(try btf.declaration(of: 9, name: "rows") == "const int (*rows)[3]")
  }

  @Test func namesAreLookedUpByKind() throws {
    #expect(btf.ids(named: "prog").count == 1)
    #expect(btf.id(named: "prog", kind: .union) == nil)
    #expect(btf.id(named: "pro", kind: .struct) == nil)
    #expect(btf.id(named: "", kind: .struct) == nil)
    #expect(try btf.structID("prog") == btf.id(named: "prog", kind: .struct))
    #expect(throws: BTFError.noStruct(name: "u16")) { try btf.structID("u16") }
    // A typedef of an anonymous struct is a name for it.
    #expect(try btf.kind(of: btf.structID("atomic_t")) == .struct)
  }

  @Test func enumerators() {
    let all = btf.enumerators(ofEnum: "prog_type")
    #expect(
      all?.map(\.name) == ["PROG_UNSPEC", "PROG_KPROBE", "PROG_STRUCT_OPS", "PROG_LAST"])
    #expect(all?.prefix(3).map(\.value) == [0, 2, 27])
    #expect(btf.enumerators(ofEnum: "prog") == nil)
  }

  @Test func signedAndWideEnumerators() throws {
    var builder = BTFBuilder()
    let names = ["A", "B", "C", "D"].map { builder.string($0) }
    builder.add(.enum, "s", flag: true, count: 1, 4, [names[0], UInt32(bitPattern: -5)])
    builder.add(.enum, "u", count: 1, 4, [names[1], UInt32(bitPattern: -5)])
    builder.add(.enum64, "w", flag: true, count: 2, 8, [names[2], 1, 2, names[3], 0, .max])
    builder.add(.enum64, "v", count: 2, 8, [names[2], .max, .max, names[3], 0, 1 << 31])
    let btf = try BTF(builder.blob)
    func values(_ name: String) -> [Int128]? { btf.enumerators(ofEnum: name)?.map(\.value) }
    #expect(values("v") == [18_446_744_073_709_551_615, 1 << 63])
    #expect(values("s") == [-5])
    #expect(values("u") == [0xffff_fffb])
    #expect(values("w") == [0x2_0000_0001, -1 << 32])
  }

  /// `struct console` is printk's and a driver's.
  @Test func ofSeveralStructsItIsTheOneWithTheMembers() throws {
    var builder = BTFBuilder()
    builder.int("int", size: 4)
    builder.composite(.struct, "console", size: 8, [("flags", 1, 0), ("index", 1, 32)])
    builder.composite(.struct, "console", size: 8, [("list", 1, 0), ("flags", 1, 32)])
    let btf = try BTF(builder.blob)
    #expect(try btf.requiredField("index", of: "console").offset == 4)
    #expect(try btf.requiredField("list", of: "console").offset == 0)
    #expect(try btf.structID("console", having: ["flags", "list"]) == 3)
    let ambiguous = BTFError.ambiguous(name: "console", ids: [2, 3])
    #expect(throws: ambiguous) { try btf.requiredField("flags", of: "console") }
    #expect(throws: ambiguous) { try btf.field("list", of: "console") }
    #expect(throws: BTFError.noMember(path: "other", structName: "console")) {
      try btf.requiredField("other", of: "console")
    }
    #expect(ambiguous.description.contains("2 different structs console (type ids 2, 3)"))
  }

  @Test func sizes() throws {
    func size(_ name: String, _ kind: BTFKind) throws -> Int? {
      btf.size(of: try #require(btf.id(named: name, kind: kind)))
    }
    #expect(try size("u64", .typedef) == 8)
    #expect(try size("counters", .var) == 16)
    #expect(try size("stats", .struct) == 16)
    #expect(try size("forward", .fwd) == nil)
    #expect(try size("run", .func) == nil)
    #expect(btf.size(of: 0) == nil)
    #expect(btf.size(of: BTF.TypeID(.max)) == nil)
  }

  @Test func aModulesTypesContinueThoseOfTheKernel() throws {
    var kernel = BTFBuilder()
    kernel.int("int", size: 4)
    kernel.composite(.struct, "base", size: 4, [("value", 1, 0)])
    var module = BTFBuilder(base: kernel)
    module.composite(.struct, "own", size: 8, [("base", 2, 0), ("count", 1, 32)])
    let base = try BTF(kernel.blob)
    let split = try BTF(module.blob, base: base)

    #expect(split.endID == 4)
    #expect(try split.name(of: 3) == "own")
    #expect(try split.name(of: 2) == "base")
    #expect(try split.requiredField("count", of: "own").offset == 4)
    #expect(try split.requiredField("base.value", of: "own").offset == 0)
    #expect(try split.structID("base") == 2)
    #expect(split.id(named: "int", kind: .int) == 1)
    #expect(throws: BTFError.noType(id: 3)) { try base.type(3) }
    #expect(throws: BTFError.noType(id: 4)) { try split.type(4) }
  }
}
