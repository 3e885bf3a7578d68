import GuestScopeBTF
import TestSupport
import Testing

@testable import Commands

@Suite struct TypeNameTests {
  private let btf: BTF

  init() throws {
    var builder = BTFBuilder()
    builder.int("int", size: 4)
    builder.composite(.struct, "dma_chan", size: 16, [("a", 1, 0)])
    builder.composite(.struct, "dma_chan", size: 112, [("b", 1, 0)])
    builder.composite(.struct, "context", size: 8, [("c", 1, 0)])
    builder.add(.enum, "context", count: 0, 4)
    builder.add(.typedef, "dma_chan", 1)
    // 7 and 8 are one type, 9 is another.
    for target in [1, 7, 2] as [UInt32] { builder.add(.typedef, "u8", target) }
    builder.add(.ptr, "", 3)
    btf = try BTF(builder.blob)
  }

  private func error(_ text: String) -> String? {
    #expect(throws: CommandError.self) { try btf.type(userText: text, in: "vmlinux") }?.description
  }

  @Test func oneOfSeveralIsChosenByItsID() throws {
    func id(_ text: String) throws -> BTF.TypeID {
      try btf.type(userText: text, in: "vmlinux").id
    }
    #expect(try id("struct dma_chan#3") == 3)
    #expect(try id("dma_chan#2") == 2)
    #expect(try id("dma_chan#6") == 6)
    #expect(try id("struct dma_chan#3 *") == 10)
    #expect(try id("struct context") == 4)
    #expect(try id("enum context") == 5)
    #expect(try id("u8#9") == 9)
    for wrong in ["dma_chan#1", "dma_chan#", "dma_chan#x", "struct dma_chan#6", "#3", "int#0"] {
      #expect(error(wrong) == "the BTF of vmlinux has no type \(wrong)")
    }
  }

  @Test func arraysAreMadeOfAnyType() throws {
    func declaration(_ text: String) throws -> String {
      let named = try btf.type(userText: text, in: "vmlinux")
      return try named.btf.declaration(of: named.id)
    }
    #expect(try declaration("int[64]") == "int [64]")
    #expect(try declaration("struct context [0x10]") == "struct context [16]")
    #expect(try declaration("int[2][3]") == "int [2][3]")
    #expect(try declaration("struct dma_chan#3 *[4]") == "struct dma_chan *[4]")
    for wrong in ["no_such[4]", "int[x]", "int[4]*", "int[4294967296]", "int[]", "int[-1]"] {
      #expect(error(wrong) == "the BTF of vmlinux has no type \(wrong)")
    }
    #expect(error("[4]") == "'[4]' names no type")
  }

  @Test func severalAreListed() {
    #expect(
      error("struct dma_chan")
        == "2 types of vmlinux are called struct dma_chan: struct dma_chan#2 (16 bytes), "
        + "struct dma_chan#3 (112 bytes); say which one, as in 'struct dma_chan#2'")
    #expect(
      error("context")
        == "2 types of vmlinux are called context: struct context#4 (8 bytes), enum context#5 "
        + "(4 bytes); say which one, as in 'struct context#4'")
    // Two names of one type are no choice.
    #expect(error("u8")?.contains(": u8#7 (4 bytes), u8#9 (16 bytes);") == true)
  }

  @Test(
    arguments: [
      ("dma_c", nil, ["dma_chan", "dma_chan#2", "dma_chan#3"]),
      ("dma_chan#3", "struct", ["dma_chan#3"]), ("dma_chan#", nil, ["dma_chan#2", "dma_chan#3"]),
      ("context", "enum", ["context"]), ("i", nil, ["int"]), ("int#", nil, []), ("x#", nil, []),
    ] as [(String, String?, [String])])
  func completion(prefix: String, keyword: String?, offered: [String]) {
    #expect(btf.typeNames(prefix: prefix, keyword: keyword, limit: 100).sorted() == offered)
  }
}
