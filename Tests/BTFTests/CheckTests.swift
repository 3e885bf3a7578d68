import GuestScopeBTF
import TestSupport
import Testing

/// `BTF.check`: every contradiction that it looks for is refused, and what compilers make passes.
@Suite struct CheckTests {
  @Test func whatACompilerMadePasses() throws {
    try Sample.btf().check()
  }

  @Test(arguments: KernelTypes.Version.allCases)
  func theTypesOfASyntheticKernelPass(version: KernelTypes.Version) throws {
    try BTF(KernelTypes.kernel(version).blob).check()
  }

  /// Types that are fine, for a test to add one that is not.
  ///
  /// 1 int, 2 pointer, 3 struct of 8 bytes, 4 function prototype, 5 variable.
  private static var fine: BTFBuilder {
    var builder = BTFBuilder()
    builder.int("int", size: 4)
    builder.add(.ptr, "", 1)
    builder.composite(.struct, "pair", size: 8, [("first", 1, 0), ("second", 1, 32)])
    builder.add(.funcProto, "", count: 1, 1, [builder.string("argument"), 1])
    builder.add(.var, "variable", 1, [1])
    return builder
  }

  /// A type that is added, and what is refused of it; nil for one that passes.
  struct Case: CustomTestStringConvertible, Sendable {
    var what: String
    var refusal: String?
    var add: @Sendable (inout BTFBuilder) -> Void
    var testDescription: String { what }

    init(_ what: String, _ refusal: String?, _ add: @escaping @Sendable (inout BTFBuilder) -> Void)
    {
      (self.what, self.refusal, self.add) = (what, refusal, add)
    }
  }

  static let cases: [Case] = [
    Case("nothing", nil) { _ in },

    // Numbers.
    Case("an integer of 16 bytes", nil) { $0.int("u128", size: 16) },
    Case("an integer of 3 bytes", "an integer of 3 bytes") { $0.int("odd", size: 3, bits: 24) },
    Case("an integer of more bits", "an integer of 4 bytes") { $0.int("i", size: 4, bits: 33) },
    Case("an integer without a name", "an integer of 4 bytes") { $0.int("", size: 4) },
    Case("a long double", nil) { $0.add(.float, "long double", 12) },
    Case("a float of 5 bytes", "a float") { $0.add(.float, "odd", 5) },
    Case("a float without a name", "a float") { $0.add(.float, "", 4) },

    // References.
    Case("a pointer to void", nil) { $0.add(.ptr, "", 0) },
    Case("a pointer to a later type", nil) {
      $0.add(.ptr, "", 7)
      $0.int("later", size: 4)
    },
    Case("a pointer to nothing", "type 6 refers to type 99") { $0.add(.ptr, "", 99) },
    Case("a pointer to itself", "type 6 refers to type 6") { $0.add(.ptr, "", 6) },
    Case("const of nothing", "refers to type 7") { $0.add(.const, "", 7) },
    Case("volatile of nothing", "refers to type 7") { $0.add(.volatile, "", 7) },
    Case("restrict of nothing", "refers to type 7") { $0.add(.restrict, "", 7) },
    Case("a typedef of nothing", "refers to type 7") { $0.add(.typedef, "t", 7) },
    Case("a typedef without a name", "a type without its name") { $0.add(.typedef, "", 1) },
    Case("a type tag without a name", "a type without its name") { $0.add(.typeTag, "", 1) },
    Case("a tag of a struct", nil) { $0.add(.declTag, "tag", 3, [.max]) },
    Case("a tag without a name", "a type without its name") { $0.add(.declTag, "", 3, [.max]) },
    Case("a variable of nothing", "refers to type 7") { $0.add(.var, "v", 7, [0]) },
    Case("an array", nil) { $0.add(.array, "", 0, [1, 1, 5]) },
    Case("an array of nothing", "refers to type 7") { $0.add(.array, "", 0, [7, 1, 5]) },
    Case("an array with an index of no type", "refers to type 7") {
      $0.add(.array, "", 0, [1, 7, 5])
    },
    Case("a forward declaration", nil) { $0.add(.fwd, "later", 0) },
    Case("a forward declaration of a type", "a forward declaration") { $0.add(.fwd, "later", 1) },
    Case("a forward declaration of no name", "a forward declaration") { $0.add(.fwd, "", 0) },

    // Functions.
    Case("a function", nil) { $0.add(.func, "f", 4) },
    Case("a function without a name", "a function without a name") { $0.add(.func, "", 4) },
    Case("a function that is an integer", "type 1 is of another kind") { $0.add(.func, "f", 1) },
    Case("a function of nothing", "refers to type 7") { $0.add(.func, "f", 7) },
    Case("a prototype that returns nothing", nil) { $0.add(.funcProto, "", 0) },
    Case("a prototype that returns no type", "refers to type 7") { $0.add(.funcProto, "", 7) },
    Case("an argument of no type", "refers to type 7") {
      $0.add(.funcProto, "", count: 1, 1, [0, 7])
    },
    Case("an argument of a wrong name", "a name that is not one of the strings") {
      $0.add(.funcProto, "", count: 1, 1, [0xffff, 1])
    },
    Case("a section", nil) { $0.add(.datasec, ".data", count: 1, 4, [5, 0, 4]) },
    Case("a section of types", "type 1 is of another kind") {
      $0.add(.datasec, ".data", count: 1, 4, [1, 0, 4])
    },

    // Enumerations.
    Case("an enumeration", nil) { $0.add(.enum, "e", count: 1, 4, [$0.string("one"), 1]) },
    Case("an enumeration of 64 bits", nil) {
      $0.add(.enum64, "e", count: 1, 8, [$0.string("one"), 1, 0])
    },
    Case("an enumeration of 5 bytes", "an enumeration of 5 bytes") {
      $0.add(.enum, "e", count: 1, 5, [$0.string("one"), 1])
    },
    Case("an enumerator without a name", "an enumerator without a name") {
      $0.add(.enum, "e", count: 1, 4, [0, 1])
    },
    Case("an enumerator of a wrong name", "a name that is not one of the strings") {
      $0.add(.enum64, "e", count: 1, 8, [$0.string("one") + 1, 1, 0])
    },

    // Members.
    Case("a union", nil) {
      $0.composite(.union, "u", size: 8, [("whole", 3, 0), ("part", 1, 0)])
    },
    Case("a struct with bit fields", nil) {
      $0.composite(
        .struct, "s", size: 4, flag: true, [("a", 1, 3 << 24), ("b", 1, 29 << 24 | 3)])
    },
    Case("an anonymous union inside", nil) {
      $0.composite(.union, "", size: 4, [("x", 1, 0)])
      $0.composite(.struct, "s", size: 4, [("", 6, 0)])
    },
    Case("a flexible array", nil) {
      $0.add(.array, "", 0, [1, 1, 0])
      $0.composite(.struct, "s", size: 4, [("count", 1, 0), ("all", 6, 32)])
    },
    Case("a member of no type", "refers to type 7") {
      $0.composite(.struct, "s", size: 4, [("x", 7, 0)])
    },
    Case("a struct in itself", "type 6 refers to type 6") {
      $0.composite(.struct, "s", size: 4, [("x", 6, 0)])
    },
    Case("members that overlap", "a member at bit 16") {
      $0.composite(.struct, "s", size: 8, [("a", 1, 0), ("b", 1, 16)])
    },
    Case("members in another order", "a member at bit 0") {
      $0.composite(.struct, "s", size: 8, [("a", 1, 32), ("b", 1, 0)])
    },
    Case("bit fields that overlap", "a member at bit 2") {
      $0.composite(.struct, "s", size: 4, flag: true, [("a", 1, 3 << 24), ("b", 1, 1 << 24 | 2)])
    },
    Case("a member beyond the end", "a member that ends outside of its struct") {
      $0.composite(.struct, "s", size: 4, [("a", 1, 0), ("b", 1, 32)])
    },
    Case("a union that is too small", "a member that ends outside of its struct") {
      $0.composite(.union, "u", size: 4, [("whole", 3, 0)])
    },
    Case("a member of a union that is not at its start", "a member at bit 32") {
      $0.composite(.union, "u", size: 8, [("a", 1, 32)])
    },
    Case("an integer without a name in a struct", "a member without a name") {
      $0.composite(.struct, "s", size: 4, [("", 1, 0)])
    },
  ]

  @Test(arguments: cases)
  func aContradictionIsRefused(it: Case) throws {
    var builder = Self.fine
    it.add(&builder)
    let btf = try BTF(builder.blob)
    guard let refusal = it.refusal else { return try btf.check() }
    let error = #expect(throws: BTFError.self) { try btf.check() }
    #expect("\(try #require(error))".contains(refusal))
  }

  /// A name must begin where a string does, and strings are text.
  @Test func namesThatDoNotBeginAStringAreRefused() throws {
    let good = Self.fine.blob
    let typeName = 24
    #expect(good[typeName] == 1)
    for name in [2, 3] as [UInt8] {
      var blob = good
      blob[typeName] = name
      #expect(throws: BTFError.malformed("a name that is not one of the strings", offset: 24)) {
        try BTF(blob).check()
      }
    }
    // The name of the first type, without its first letter.
    var empty = good
    let first = try #require(good.indices.last { good[$0...].starts(with: Array("int".utf8)) })
    empty[first] = 0
    #expect(throws: BTFError.malformed("a name that is empty", offset: 24)) {
      try BTF(empty).check()
    }
    for (byte, isText) in [
      (0x21, true), (0x1f, false), (0x7f, false), (0x80, false), (0xff, false),
    ]
      as [(UInt8, Bool)]
    {
      var blob = good
      let place = blob.count - 3
      blob[place] = byte
      if isText {
        try BTF(blob).check()
      } else {
        #expect(throws: BTFError.malformed("a string that is not text", offset: place)) {
          try BTF(blob).check()
        }
      }
    }
  }

  /// A name that becomes another one, or an offset that leaves a gap, is not seen.
  @Test func oneBitOfAReferenceIsSeenMoreOftenThanNot() throws {
    let good = Sample.blob
    let btf = try Sample.btf()
    var (refused, all) = (0, 0)
    for at in stride(from: 24, to: good.count - Int(btf.stringBytes), by: 13) {
      for bit in 0..<8 {
        var blob = good
        blob[at] ^= 1 << UInt8(bit)
        all += 1
        do throws(BTFError) { try BTF(blob).check() } catch { refused += 1 }
      }
    }
    print("bits of types whose change is refused: \(refused) of \(all)")
    #expect(refused > all / 2)
  }
}

extension BTF {
  /// What the header says of the size of its strings.
  fileprivate var stringBytes: UInt32 {
    let word = Sample.blob[20..<24]
    return word.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
