import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// What objects hold, also those of types that no compiler makes: something comes of it, nothing
/// crashes or goes on for ever.
@Suite struct KernelValueTests {
  private func decoder(_ builder: BTFBuilder) throws -> ValueDecoder {
    ValueDecoder(try BTF(builder.blob)) { pointer in
      pointer.rawValue == 0xffff_8000_0000_1000 ? "text" : nil
    }
  }

  @Test func eachTypeHasAFormOfItsOwn() throws {
    var builder = BTFBuilder()
    builder.int("char", size: 1)
    builder.add(.int, "unsigned char", 1, [8])
    builder.add(.int, "int", 4, [1 << 24 | 32])
    builder.add(.int, "_Bool", 1, [4 << 24 | 8])
    builder.add(.ptr, "", 1)
    builder.add(.array, "", 0, [1, 2, 4])
    builder.add(.array, "", 0, [2, 2, 2])
    builder.add(.array, "", 0, [3, 2, 2])
    builder.add(.float, "double", 8)
    builder.add(.int, "__int128", 16, [1 << 24 | 128])
    let values: [(id: UInt32, bytes: [UInt8], value: KernelValue)] = [
      (2, [200], .unsigned(200)), (3, [0xfe, 0xff, 0xff, 0xff], .signed(-2)),
      (4, [0], .bool(false)), (4, [1], .bool(true)), (4, [7], .unsigned(7)),
      (6, [0x61, 0x62, 0, 0x63], .text("ab")), (7, [1, 2], .bytes([1, 2])),
      (8, [1, 0, 0, 0, 2, 0, 0, 0], .elements([.signed(1), .signed(2)])),
      (9, [0, 0, 0, 0, 0, 0, 0, 0], .opaque("double")),
      (10, [UInt8](repeating: 1, count: 16), .opaque("128-bit number")),
    ]
    let decoder = try decoder(builder)
    for (id, bytes, value) in values {
      #expect(decoder.value(BTF.TypeID(id), in: bytes) == value, "type \(id)")
    }
    func pointer(_ address: UInt64) -> KernelValue {
      var bytes: [UInt8] = []
      bytes.append(littleEndian: address)
      return decoder.value(5, in: bytes)
    }
    let leads = KernelVirtualAddress(0xffff_8000_0000_1000)
    #expect(pointer(leads.rawValue) == .pointer(.init(leads, to: 1, text: "text")))
    #expect(pointer(0) == .pointer(.init(KernelVirtualAddress(0), to: 1)))
  }

  @Test func aSectionHasItsVariablesForMembers() throws {
    var builder = BTFBuilder()
    builder.int("u32", size: 4)
    builder.add(.var, "first", 1, [0])
    builder.add(.var, "second", 1, [1])
    builder.add(.datasec, ".bss", count: 3, 8, [2, 0, 4, 3, 4, 4, 2, .max, 4])
    let value = try decoder(builder).value(4, in: [1, 0, 0, 0, 2, 0, 0, 0])
    guard case .fields(let fields) = value, fields.count == 3, case .damaged = fields[2].value
    else {
      Issue.record("\(value)")
      return
    }
    #expect(fields[0] == .init("first", .unsigned(1)) && fields[1] == .init("second", .unsigned(2)))
  }

  @Test func bitFieldsAndMembersOfAnonymousStructs() throws {
    var builder = BTFBuilder()
    builder.int("unsigned int", size: 4)
    builder.add(.int, "int", 4, [1 << 24 | 32])
    builder.composite(.struct, "", size: 4, [("inner", 1, 0)])
    builder.composite(
      .struct, "s", size: 8, flag: true,
      [("low", 1, 3 << 24), ("", 1, 2 << 24 | 3), ("high", 2, 3 << 24 | 5), ("", 3, 32)])
    let bytes: [UInt8] = [0b1100_1101, 0, 0, 0, 9, 0, 0, 0]
    let value = try decoder(builder).value(4, in: bytes)
    #expect(
      value
        == .fields([
          .init("low", .unsigned(0b101)), .init("high", .signed(-2)),
          .init("inner", .unsigned(9)),
        ]))
    #expect(value["inner"] == .unsigned(9))
    #expect(value["other"] == nil)
  }

  @Test func aStructThatContainsItselfEnds() throws {
    var builder = BTFBuilder()
    builder.composite(.struct, "s", size: 8, [("again", 1, 0)])
    var value = try decoder(builder).value(1, in: [UInt8](repeating: 0, count: 8))
    while let inner = value["again"] { value = inner }
    guard case .damaged(let why) = value else {
      Issue.record("\(value)")
      return
    }
    #expect(why.contains("contains or refers to itself"))
  }

  @Test(.timeLimit(.minutes(10))) func oneThatContainsItselfTwiceEndsToo() throws {
    var builder = BTFBuilder()
    builder.composite(.struct, "s", size: 8, [("", 1, 0), ("", 1, 0)])
    // Neither of them has a name, so that nothing of what they hold is a member.
    #expect(try decoder(builder).value(1, in: [UInt8](repeating: 0, count: 8)) == .fields([]))
  }

  /// BTF keeps an enumerator in 32 bits or, of an ENUM64, in 64; an object has 1, 2, 4 or 8 bytes.
  @Test(
    arguments: [
      (.enum, true, 4, -5, "A", -5), (.enum, false, 4, -5, "A", 4_294_967_291),
      (.enum, true, 1, -5, "A", -5), (.enum, false, 1, -5, "A", 4_294_967_291),
      (.enum, true, 2, -7, nil, -7), (.enum, false, 2, -7, nil, 65_529),
      (.enum64, true, 8, -5, "A", -5),
      (.enum64, false, 8, -5, "A", 18_446_744_073_709_551_611),
      (.enum64, false, 8, -7, nil, 18_446_744_073_709_551_609),
      (.enum64, true, 8, -7, nil, -7),
    ] as [(BTFKind, Bool, UInt32, Int64, String?, Int128)])
  func enumerators(
    kind: BTFKind, isSigned: Bool, size: UInt32, object: Int64, name: String?, value: Int128
  ) throws {
    var builder = BTFBuilder()
    let bits = UInt32(bitPattern: -5)
    builder.add(
      kind, "e", flag: isSigned, count: 1, size,
      [builder.string("A"), bits] + (kind == .enum64 ? [.max] : []))
    var bytes: [UInt8] = []
    bytes.append(littleEndian: object)
    let found = try decoder(builder).value(1, in: Array(bytes.prefix(Int(size))))
    #expect(found == .enumerator(name: name, value: value))
  }

  @Test func whatLiesBeyondTheEndIsDamagedAlone() throws {
    var builder = BTFBuilder()
    builder.int("char", size: 1)
    builder.add(.array, "", 0, [1, 1, 16])
    builder.int("u32", size: 4)
    builder.composite(.struct, "s", size: 8, [("text", 2, 1 << 20), ("n", 3, 0), ("m", 3, 56)])
    let value = try decoder(builder).value(4, in: [65, 0, 0, 0, 0, 0, 0, 0])
    let damaged = KernelValue.damaged("it lies beyond the end of its object")
    #expect(value["text"] == damaged)
    #expect(value["n"] == .unsigned(65))
    #expect(value["m"] == damaged)
  }
}
