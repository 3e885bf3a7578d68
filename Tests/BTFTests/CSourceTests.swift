import GuestScopeBTF
import TestSupport
import Testing

/// Types in C, each struct with the size and places that the types say.
@Suite struct CSourceTests {
  /// The definitions, without what stands around them.
  private func source(_ builder: BTFBuilder) throws -> String {
    let lines = try BTF(builder.blob).sourceInC()
    let own = lines.drop { $0 != "#endif" }.dropFirst().prefix { !$0.hasPrefix("#") }
    return own.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private func int() -> BTFBuilder {
    var builder = BTFBuilder()
    builder.int("int", size: 4)
    builder.int("char", size: 1)
    return builder
  }

  @Test func membersThatFollowEachOtherNeedNothing() throws {
    var builder = int()
    builder.composite(.struct, "pair", size: 8, [("a", 1, 0), ("b", 1, 32)])
    builder.composite(.union, "either", size: 4, [("a", 1, 0), ("b", 2, 0)])
    #expect(
      try source(builder) == """
        struct pair {
            int a;
            int b;
        };
        union either {
            int a;
            char b;
        };
        """)
  }

  @Test func holesAreFilled() throws {
    var builder = int()
    // As with __attribute__((aligned(16))) on b and on all of it.
    builder.composite(.struct, "wide", size: 32, [("a", 2, 0), ("b", 1, 128)])
    builder.composite(.union, "large", size: 12, [("a", 1, 0)])
    #expect(
      try source(builder) == """
        struct wide {
            char a;
            unsigned char __padding_1[15];
            int b;
            unsigned char __padding_2[12];
        };
        union large {
            int a;
            unsigned char __padding_1[12];
        };
        """)
  }

  @Test func whatLiesCloserThanUsualIsPacked() throws {
    var builder = int()
    builder.composite(.struct, "tight", size: 5, [("a", 2, 0), ("b", 1, 8)])
    builder.composite(.struct, "outer", size: 6, [("c", 2, 0), ("t", 3, 8)])
    #expect(
      try source(builder) == """
        struct tight {
            char a;
            int b;
        } __attribute__((packed));
        struct outer {
            char c;
            struct tight t;
        };
        """)
  }

  /// The upper 8 bits of a place are the bits of a bit-field.
  @Test func bitFieldsAreInTheirPlaces() throws {
    var builder = int()
    builder.composite(
      .struct, "bits", size: 8, flag: true,
      [
        ("a", 1, 3 << 24 | 0), ("b", 1, 5 << 24 | 3), ("c", 1, 2 << 24 | 21),
        ("d", 1, 30 << 24 | 32),
      ])
    builder.composite(
      .struct, "across", size: 5, flag: true, [("a", 1, 30 << 24 | 0), ("b", 1, 10 << 24 | 30)])
    #expect(
      try source(builder) == """
        struct bits {
            int a: 3;
            int b: 5;
            unsigned char __padding_1[1];
            unsigned char : 5;
            int c: 2;
            int d: 30;
        };
        struct across {
            int a: 30;
            int b: 10;
        } __attribute__((packed));
        """)
  }

  @Test func eachTypeFollowsWhatItNeeds() throws {
    var builder = int()
    // struct list { list_t *next; struct inner in; }, whose parts come later.
    builder.composite(.struct, "list", size: 16, [("next", 4, 0), ("in", 6, 64)])
    builder.add(.ptr, "", 5)
    builder.add(.typedef, "list_t", 3)
    builder.composite(.struct, "inner", size: 4, [("x", 7, 0)])
    builder.add(.enum, "mood", count: 2, 4, [builder.string("BAD"), 0, builder.string("GOOD"), 7])
    #expect(
      try source(builder) == """
        struct list;
        typedef struct list list_t;
        enum mood {
            BAD = 0,
            GOOD = 7,
        };
        struct inner {
            enum mood x;
        };
        struct list {
            list_t *next;
            struct inner in;
        };
        """)
  }

  @Test func namesAreMadeUniqueAndC() throws {
    var builder = int()
    builder.composite(.struct, "twice", size: 4, [("default", 1, 0)])
    builder.composite(.struct, "twice", size: 1, [("a<b>", 2, 0)])
    builder.add(.ptr, "", 4)
    builder.add(.typedef, "second", 5)
    builder.int("u24", size: 4)
    builder.add(.typedef, "odd", 7)
    #expect(
      try source(builder) == """
        struct twice {
            int default_;
        };
        struct twice___2 {
            char a_b_;
        };
        typedef struct twice___2 *second;
        typedef unsigned int u24;
        typedef u24 odd;
        """)
  }

  @Test func whatHasNoNameStandsWhereItIsUsed() throws {
    var builder = int()
    builder.composite(.union, "", size: 4, [("x", 1, 0), ("y", 2, 0)])
    builder.composite(.struct, "outer", size: 8, [("", 3, 0), ("z", 1, 32)])
    builder.add(.enum, "", count: 1, 4, [builder.string("ALONE"), 1])
    #expect(
      try source(builder) == """
        struct outer {
            union {
                int x;
                char y;
            };
            int z;
        };
        enum {
            ALONE = 1,
        };
        """)
  }

  /// GNU C has such members only with -fms-extensions, which kernels are compiled with.
  @Test func aMemberWithoutANameOfAStructWithOne() throws {
    var builder = int()
    builder.composite(.struct, "part", size: 4, [("x", 1, 0)])
    builder.composite(.struct, "outer", size: 8, [("", 3, 0), ("z", 1, 32)])
    #expect(
      try source(builder).hasSuffix(
        """
        struct outer {
            struct {
                int x;
            };
            int z;
        };
        """))
  }
}
