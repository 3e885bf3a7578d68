import GuestScopeBTF
import TestSupport
import Testing

@Suite struct MemberRouteTests {
  @Test func paths() throws {
    #expect(try #require(MemberPath("")).steps.isEmpty)
    #expect(MemberPath(".a.b")?.steps == [.member("a"), .member("b")])
    #expect(
      MemberPath("a->b[2].c")?.steps == [.member("a"), .member("b"), .element(2), .member("c")])
    #expect(MemberPath("[0x10]")?.steps == [.element(16)])
    #expect(MemberPath("->a->b[2]")?.description == "a.b[2]")
    for wrong in [".", ".a.", ".a..b", ".a[", ".a[x]", ".a]", "[99999999999]", "[-1]", "a b"] {
      #expect(MemberPath(wrong) == nil, "\(wrong)")
    }
  }

  /// Of Tests/Fixtures/sample.c.
  private func route(_ path: String, of name: String = "prog") throws -> MemberRoute {
    let btf = try Sample.btf()
    return try btf.route(try #require(MemberPath(path)), from: try btf.structID(name))
  }

  @Test func withoutPointersItIsAnOffset() throws {
    let high = try route(".place.high")
    #expect((high.offset, high.pointers.isEmpty) == (44, true))
    #expect(try route("tag[3]").offset == 11)
    #expect(try route("table[1][2]").offset == 88 + 8 * 5)
    // One without a length goes on.
    #expect(try route("insns[3]").offset == 176 + 24)
    #expect(try route("cb_access").bits == 2..<5)
  }

  @Test func pointersAreFollowedWhereTheStepGoesOn() throws {
    let once = try route("next->next")
    #expect(once.pointers.map(\.offset) == [56])
    #expect(once.offset == 56)
    let twice = try route(".next.next[2].stats.nsecs")
    #expect(twice.pointers.map(\.offset) == [56, 56])
    #expect(twice.pointers.map(\.step) == [.member("next"), .element(2)])
    #expect(twice.offset == 2 * 176 + 24)
  }

  @Test(
    arguments: [
      ("missing", "struct prog has no member missing"),
      ("stats.missing", "struct stats has no member missing"),
      ("next->missing", "struct prog has no member missing"),
      ("pages.x", "u16 has no member x"),
      ("pages[1]", "u16 has no [1]: it is neither an array nor a pointer"),
      ("tag[8]", "u8 [8] has no [8]: it has 8 elements"),
      ("jited.x", "a bit-field has no member x"),
      ("owner->x", "const struct forward has no member x"),
      ("table.x", "int (*[2][3])(void) has no member x"),
    ])
  func whatATypeDoesNotHaveIsNamed(path: String, text: String) {
    let error = #expect(throws: BTFError.self) { try route(path) }
    #expect(error?.description == text)
  }

  @Test func completionKnowsTheMembersBehindPointers() throws {
    let btf = try Sample.btf()
    let prog = try btf.structID("prog")
    func names(_ path: String) throws -> [String] {
      try btf.memberNames(after: try #require(MemberPath(path)), from: prog)
    }
    #expect(try names("stats") == ["cnt", "nsecs"])
    #expect(try names("next").contains("anonymous_id"))
    #expect(try names("pages") == [])
    #expect(throws: BTFError.self) { try names("missing") }
  }

  @Test func typesThatReferToThemselvesEnd() throws {
    var builder = BTFBuilder()
    builder.add(.typedef, "a", 1)
    builder.composite(.struct, "s", size: 8, [("loop", 1, 0), ("again", 2, 0), ("", 2, 0)])
    builder.add(.ptr, "", 3)
    let btf = try BTF(builder.blob)
    func route(_ path: String, from type: BTF.TypeID) throws -> MemberRoute {
      try btf.route(try #require(MemberPath(path)), from: type)
    }
    #expect(throws: BTFError.tooDeep(id: 1)) { try route("loop.x", from: 2) }
    #expect(throws: BTFError.self) { try route("x", from: 2) }
    #expect(try route("again.again.again", from: 2).type == 2)
    // A pointer to itself: as many pointers as there are steps.
    #expect(try route("[1][1][1]", from: 3).pointers.count == 3)
  }

  @Test func anArrayMayBeAdded() throws {
    let btf = try Sample.btf()
    let u8 = try #require(btf.id(named: "u8", kind: .typedef))
    let (inner, three) = try btf.addingArray(of: u8, count: 3)
    let (outer, two) = try inner.addingArray(of: three, count: 2)
    #expect(try outer.declaration(of: two) == "u8 [2][3]")
    #expect(outer.size(of: two) == 6)
    #expect(try outer.name(of: two) == "")
    #expect(try outer.name(of: u8) == "u8")
    #expect(try outer.route(try #require(MemberPath("[1][2]")), from: two).offset == 5)
    // No number of elements is too many to say so.
    let (large, many) = try outer.addingArray(of: two, count: .max)
    #expect(large.size(of: many) == 6 * Int(UInt32.max))
    #expect(try large.kind(of: many) == .array)
  }
}
