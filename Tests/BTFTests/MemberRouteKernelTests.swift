import GuestScopeBTF
import TestSupport
import Testing

/// Ways that begin at an object of a BPF program, and lead into the kernel's.
@Suite struct MemberRouteKernelTests {
  /// `task` of 64 bytes with `pid` at 16 and `parent` at 24, and `list`.
  private static func kernel() throws -> BTF {
    var builder = BTFBuilder()
    builder.int("u32", size: 4)
    builder.add(.ptr, "", 4)
    builder.composite(.struct, "list", size: 8, [("next", 1, 0)])
    builder.composite(.struct, "task", size: 64, [("pid", 1, 8 * 16), ("parent", 2, 8 * 24)])
    return try BTF(builder.blob)
  }

  /// What a program declares: all that the kernel has too, a part of it, or another thing.
  private static func program(
    _ declare: (inout BTFBuilder) -> Void
  ) throws -> BTF {
    var builder = BTFBuilder()
    builder.int("u32", size: 4)
    declare(&builder)
    return try BTF(builder.blob)
  }

  private func route(
    _ path: String, from type: BTF.TypeID, of program: BTF
  ) throws -> (route: MemberRoute, btf: BTF) {
    try program.route(
      try #require(MemberPath(path)), from: type, kernel: try Self.kernel())
  }

  @Test(arguments: ["task", "task___old"])
  func beyondAPointerTheKernelsTypesCount(name: String) throws {
    let forward = try Self.program {
      $0.add(.fwd, name, 0)
      $0.add(.ptr, "", 2)
    }
    let part = try Self.program {
      $0.composite(.struct, name, size: 4, [("pid", 1, 0)])
      $0.add(.ptr, "", 2)
    }
    for program in [forward, part] {
      let (route, btf) = try self.route("->pid", from: 3, of: program)
      #expect(btf !== program)
      #expect(route.pointers.map(\.offset) == [0] && route.offset == 16)
      #expect(try btf.name(of: route.type) == "u32")
      let far = try self.route("->parent->parent->pid", from: 3, of: program).route
      #expect(far.pointers.map(\.offset) == [0, 24, 24] && far.offset == 16)
      #expect(try self.route("[2].pid", from: 3, of: program).route.offset == 2 * 64 + 16)
    }
  }

  @Test func aProgramsOwnStructStaysItsOwn() throws {
    // The kernel has another of this name, and none of the second.
    let program = try Self.program {
      $0.composite(.struct, "list", size: 16, [("next", 1, 0), ("mine", 1, 64)])
      $0.add(.ptr, "", 2)
      $0.composite(.struct, "own", size: 12, [("a", 1, 0), ("list", 3, 32)])
      $0.add(.ptr, "", 4)
    }
    let (route, btf) = try route("->list->mine", from: 5, of: program)
    #expect(btf === program)
    #expect(route.pointers.map(\.offset) == [0, 4] && route.offset == 8)
  }

  @Test func whatLiesInTheVariableItselfIsTheProgramsOwn() throws {
    let program = try Self.program {
      $0.composite(.struct, "task", size: 4, [("pid", 1, 0)])
    }
    let (route, btf) = try route("pid", from: 2, of: program)
    #expect(btf === program && route.offset == 0 && route.pointers.isEmpty)
  }

  @Test func whatIsNotThereIsNamed() throws {
    let program = try Self.program {
      $0.add(.fwd, "task", 0)
      $0.add(.ptr, "", 2)
      $0.add(.ptr, "", 3)
    }
    #expect(throws: BTFError.noStep(.member("nope"), of: "struct task")) {
      try route("->nope", from: 3, of: program)
    }
    #expect(throws: BTFError.noStep(.member("pid"), of: "struct task *")) {
      try route("->pid", from: 4, of: program)
    }
    #expect(throws: BTFError.noStep(.member("x"), of: "u32")) {
      try route("->pid.x", from: 3, of: program)
    }
  }
}
