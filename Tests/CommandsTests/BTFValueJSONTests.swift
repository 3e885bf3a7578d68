import GuestScopeBTF
import GuestScopeBytes
import TestSupport
import Testing

@testable import Commands

/// Values as bpftool's btf_dumper.c has them, case by case.
@Suite struct BTFValueJSONTests {
  private var builder = BTFBuilder()

  private func text(_ type: BTF.TypeID, _ bytes: [UInt8]) throws -> String {
    BTFValueJSON(try BTF(builder.blob)).json(type, in: bytes).text(pretty: false)
  }

  private func little<T: FixedWidthInteger>(_ number: T) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: number)
    return bytes
  }

  private mutating func int(_ name: String, _ bits: UInt32, encoding: UInt32, size: UInt32? = nil) {
    builder.add(.int, name, size ?? bits / 8, [encoding << 24 | bits])
  }

  // MARK: Numbers

  @Test(
    arguments: [
      (8, 0, [0xff], "255"), (8, 1, [0xff], "-1"), (16, 0, [0xfe, 0xff], "65534"),
      (16, 1, [0xfe, 0xff], "-2"), (32, 1, [0, 0, 0, 0x80], "-2147483648"),
      (64, 0, [255, 255, 255, 255, 255, 255, 255, 255], "18446744073709551615"),
      (64, 1, [255, 255, 255, 255, 255, 255, 255, 255], "-1"),
      (8, 4, [0], "false"), (8, 4, [1], "true"), (8, 4, [2], "true"),
      (8, 2, [0x41], #""A""#), (8, 2, [0x07], #""\u0007""#), (8, 2, [0x22], #""\"""#),
      (8, 2, [0x85], #""\u0085""#),
      // More than one encoding: bpftool gives up.
      (8, 3, [0xff], "-1"),
      (24, 0, [1, 2, 3, 4], #""0x30201""#), (3, 0, [0xff], #""0x7""#),
      (128, 0, [1] + .init(repeating: 0, count: 15), #""0x1""#),
      (128, 1, .init(repeating: 0xff, count: 16), #""0xffffffffffffffffffffffffffffffff""#),
      (128, 0, [2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], #""0x10000000000000002""#),
    ] as [(UInt32, UInt32, [UInt8], String)])
  mutating func integers(bits: UInt32, encoding: UInt32, bytes: [UInt8], text: String) throws {
    int("number", bits, encoding: encoding, size: bits == 3 ? 1 : bits == 24 ? 4 : nil)
    #expect(try self.text(1, bytes) == text)
  }

  @Test mutating func enumerators() throws {
    let names = ["MINUS", "TWO", "SECOND_TWO", "LARGE"].map { builder.string($0) }
    let list = [names[0], .max, names[1], 2, names[2], 2, names[3], 200]
    for size in [1, 2, 4, 8] as [UInt32] {
      builder.add(.enum, "e", flag: true, count: 4, size, list)
    }
    // Without the flag, as compilers before 2022 wrote them all.
    builder.add(.enum, "old", count: 4, 4, list)
    builder.add(.enum64, "large", count: 1, 8, [names[3], 5, 1])
    #expect(try text(1, [0xff]) == #""MINUS""#)
    #expect(try text(1, [200]) == #""LARGE""#)
    #expect(try text(1, [0x80]) == "-128")
    #expect(try text(2, [2, 0]) == #""TWO""#)
    #expect(try text(3, little(-1 as Int32)) == #""MINUS""#)
    #expect(try text(3, little(-3 as Int32)) == "-3")
    #expect(try text(4, little(-1 as Int64)) == #""MINUS""#)
    #expect(try text(5, little(-1 as Int32)) == #""MINUS""#)
    #expect(try text(5, little(UInt32.max - 1)) == "-2")
    #expect(try text(6, little(0x1_0000_0005 as UInt64)) == #""LARGE""#)
    #expect(try text(6, little(UInt64.max)) == "-1")
  }

  @Test mutating func pointersAreNumbersAndFunctionsWhatTheCallerSays() throws {
    builder.add(.funcProto, "", 0)
    builder.add(.typedef, "callback", 1)
    builder.add(.ptr, "", 2)
    builder.add(.ptr, "", 0)
    var dumper = BTFValueJSON(try BTF(builder.blob))
    dumper.function = { type, id in type == 1 ? "void () program/\(id)" : nil }
    func text(_ type: BTF.TypeID, _ value: UInt64) -> String {
      dumper.json(type, in: little(value)).text(pretty: false)
    }
    #expect(text(3, 7) == #""void () program/7""#)
    #expect(text(3, 1 << 32) == "4294967296")
    #expect(text(4, 7) == "7")
    #expect(text(4, .max) == "18446744073709551615")
    #expect(try self.text(3, little(7 as UInt64)) == "7")
  }

  @Test mutating func floatsAreNumbersWhereBpftoolHasNoJSON() throws {
    for size in [2, 4, 8] as [UInt32] { builder.add(.float, "float", size) }
    #expect(try text(1, [1, 2]) == #""0x201""#)
    #expect(try text(2, little(Float(0.1).bitPattern)) == "0.1")
    #expect(try text(3, little((-2.5).bitPattern)) == "-2.5")
    #expect(try text(3, little(Double.nan.bitPattern)) == "null")
  }

  // MARK: What has parts

  @Test mutating func charactersAreTextUpToANULAndElseAnArray() throws {
    int("char", 8, encoding: 1)
    builder.add(.const, "", 1)
    builder.add(.typedef, "letter", 1)
    int("letter8", 8, encoding: 2)
    int("u8", 8, encoding: 0)
    for element in [2, 3, 4, 5] as [UInt32] { builder.add(.array, "", 0, [element, 1, 4]) }
    #expect(try text(6, [97, 98, 0, 1]) == #""ab""#)
    #expect(try text(6, [0, 255, 0, 1]) == #""""#)
    #expect(try text(6, [97, 98, 99, 100]) == "[97,98,99,100]")
    #expect(try text(6, [97, 200, 0, 0]) == "[97,-56,0,0]")
    #expect(try text(6, [34, 92, 39, 0]) == #""\"\\'""#)
    #expect(try text(7, [97, 98, 0, 0]) == "[97,98,0,0]")
    #expect(try text(8, [97, 98, 0, 0]) == #""ab""#)
    #expect(try text(9, [97, 98, 0, 0]) == "[97,98,0,0]")
  }

  @Test mutating func structsKeepTheirOrderAndAnonymousMembersTheEmptyKey() throws {
    int("u32", 32, encoding: 0)
    builder.composite(.union, "", size: 4, [("a", 1, 0), ("b", 1, 0)])
    builder.composite(
      .struct, "s", size: 12, flag: true,
      [("z", 1, 0), ("", 2, 32), ("low", 1, 3 << 24 | 64), ("high", 1, 29 << 24 | 67)])
    builder.add(.volatile, "", 3)
    builder.add(.typedef, "s_t", 4)
    let bytes = little(1 as UInt32) + little(2 as UInt32) + little(0xffff_fff5 as UInt32)
    let text = #"{"z":1,"":{"a":2,"b":2},"low":"0x5","high":"0x1ffffffe"}"#
    #expect(try self.text(3, bytes) == text)
    #expect(try self.text(5, bytes) == text)
  }

  /// Without the struct's flag an integer says which of its bits are used.
  @Test mutating func bitFieldsOfTheOldForm() throws {
    int("nibble", 4, encoding: 1, size: 4)
    int("u32", 32, encoding: 0)
    builder.composite(.struct, "s", size: 8, [("first", 1, 0), ("second", 1, 4), ("far", 2, 9)])
    #expect(
      try text(3, [0x5a, 2, 0, 0, 0, 0, 0, 0])
        == #"{"first":"0xa","second":"0x5","far":"0x1"}"#)
  }

  @Test mutating func aSectionIsAnArrayOfItsVariables() throws {
    int("int", 32, encoding: 1)
    builder.add(.array, "", 0, [1, 1, 2])
    builder.add(.var, "count", 1, [1])
    builder.add(.var, "pair", 2, [0])
    builder.add(.datasec, ".data", count: 2, 16, [3, 0, 4, 4, 8, 8])
    let bytes = [-1, 0, 5, 6].flatMap { little($0 as Int32) }
    #expect(try text(5, bytes) == #"{".data":[{"count":-1},{"pair":[5,6]}]}"#)
    #expect(try text(4, Array(bytes[8...])) == #"{"pair":[5,6]}"#)
  }

  @Test mutating func whatHasNoValueIsNullAndTakesNothingFromItsNeighbours() throws {
    int("int", 32, encoding: 1)
    builder.add(.fwd, "forward", 0)
    builder.add(.funcProto, "", 0)
    builder.add(.typeTag, "user", 1)
    builder.add(.array, "", 0, [2, 1, 3])
    builder.composite(
      .struct, "s", size: 4,
      [("f", 2, 0), ("p", 3, 0), ("v", 0, 0), ("t", 4, 0), ("a", 5, 0), ("i", 1, 0)])
    #expect(
      try text(6, little(5 as Int32)) == #"{"f":null,"p":null,"v":null,"t":5,"a":null,"i":5}"#)
  }

  // MARK: Damage

  @Test mutating func whatLiesBeyondTheBytesIsNull() throws {
    int("int", 32, encoding: 1)
    builder.composite(.struct, "s", size: 8, [("a", 1, 0), ("b", 1, 32)])
    builder.add(.array, "", 0, [1, 1, .max])
    builder.add(.ptr, "", 1)
    builder.add(.enum, "e", 4)
    #expect(try text(2, little(1 as Int32)) == #"{"a":1,"b":null}"#)
    #expect(try text(3, [1, 0, 0, 0, 2]) == "[1,null]")
    #expect(try text(4, []) == "null" && text(5, []) == "null" && text(99, []) == "null")
  }

  @Test mutating func typesThatContainThemselvesEnd() throws {
    builder.composite(.struct, "s", size: 4, [("a", 1, 0), ("b", 1, 0)])
    builder.add(.typedef, "loop", 2)
    builder.add(.array, "", 0, [3, 3, .max])
    let dumper = BTFValueJSON(try BTF(builder.blob))
    guard case .object = dumper.json(1, in: [0]) else {
      Issue.record("no object")
      return
    }
    #expect(dumper.json(2, in: [0]) == .null)
    #expect(dumper.json(3, in: [0]) == .null)
  }
}
