import GuestScopeBTF
import TestSupport
import Testing

/// Functions as bpftool writes them, blanks included.
@Suite struct PrototypeTests {
  private var builder = BTFBuilder()

  private mutating func proto(_ returns: UInt32, _ parameters: [(name: String, type: UInt32)]) {
    let rest = parameters.flatMap { [builder.string($0.name), $0.type] }
    builder.add(.funcProto, "", count: parameters.count, returns, rest)
  }

  private mutating func types() {
    builder.int("int", size: 4)
    builder.add(.fwd, "sock", 0)
    builder.add(.ptr, "", 2)
    builder.add(.const, "", 2)
    builder.add(.ptr, "", 4)
    builder.add(.typedef, "u32", 1)
    builder.add(.enum, "event", 4)
    builder.add(.array, "", 0, [1, 1, 4])
  }

  @Test mutating func parametersWithoutNamesHaveNoBlankAfterThem() throws {
    types()
    proto(0, [("", 3), ("", 5), ("", 7), ("", 8)])
    proto(6, [("sk", 3), ("", 6), ("", 0)])
    proto(1, [])
    builder.add(.func, "run", 10)
    builder.add(.ptr, "", 9)
    proto(11, [("call", 13)])
    let btf = try BTF(builder.blob)
    #expect(
      btf.prototype(of: 9)
        == "void (struct sock *, const struct sock *, enum event, int [4])")
    #expect(btf.prototype(of: 10) == "u32 (struct sock * sk, u32, ...)")
    #expect(btf.prototype(of: 11) == "int ()")
    #expect(btf.prototype(of: 12) == "u32 run(struct sock * sk, u32, ...)")
    #expect(btf.prototype(of: 14)?.hasPrefix("int ()(void (struct sock *") == true)
  }

  @Test mutating func damagedAndEndlessOnesHaveNone() throws {
    types()
    proto(0, [("", 99)])
    builder.add(.ptr, "", 10)
    proto(0, (0..<200).map { _ in ("a_long_name", 3) })
    let btf = try BTF(builder.blob)
    for id in [9, 10, 11, 12] as [BTF.TypeID] { #expect(btf.prototype(of: id) == nil) }
  }
}
