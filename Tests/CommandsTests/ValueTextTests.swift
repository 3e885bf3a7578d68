import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import Testing

@testable import Commands

/// How values of kernel objects are shown.
@Suite struct ValueTextTests {
  private let text = ValueText { $0 == 0xffff_ffff_8100_0000 ? "_text" : nil }

  private func pointer(_ address: UInt64, _ text: String? = nil) -> KernelValue {
    .pointer(.init(KernelVirtualAddress(address), to: .void, text: text))
  }

  @Test func scalarsAreOneLineAndOneValue() {
    let values: [(value: KernelValue, line: String, json: String)] = [
      (.unsigned(7), "7", "7"), (.signed(-7), "-7", "-7"), (.bool(true), "true", "true"),
      (.enumerator(name: "A", value: -5), "A (-5)", #""A""#),
      (.enumerator(name: nil, value: -7), "-7", "-7"),
      (.enumerator(name: nil, value: Int128(UInt64.max)), "\(UInt64.max)", "\(UInt64.max)"),
      (.text("a\"b"), #""a\"b""#, #""a\"b""#), (.bytes([1, 0xab]), "01ab", #""01ab""#),
      (pointer(0), "0x0", #""0x0""#),
      (pointer(0xffff_ffff_8100_0000), "0xffffffff81000000 <_text>", #""0xffffffff81000000""#),
      (pointer(0xffff_ffff_8100_0000, "x"), #"0xffffffff81000000 "x""#, #""0xffffffff81000000""#),
      // A number that is an address is one on the screen, and a number in JSON.
      (.unsigned(0xffff_ffff_8100_0000), "0xffffffff81000000 <_text>", "18446744071578845184"),
      (.opaque("float"), "(float)", "null"), (.damaged("why"), "? (why)", "null"),
      (.absent, "-", "null"),
    ]
    for (value, line, json) in values {
      #expect(text.lines(value) == [line])
      #expect(text.line(value) == line)
      #expect(text.json(value).text(pretty: false) == json)
    }
  }

  @Test func structsAreInBracesAndArraysInRows() {
    let point = KernelValue.fields([.init("x", .unsigned(1)), .init("y", .signed(-1))])
    let value = KernelValue.fields([
      .init("points", .elements([point, point])), .init("none", .fields([])),
      .init("row", .elements([.unsigned(0), .unsigned(0), .unsigned(5)])),
    ])
    #expect(
      text.lines(value) == [
        "{", "  points = {", "    [0] = {", "      x = 1", "      y = -1", "    }",
        "    [1] = {", "      x = 1", "      y = -1", "    }", "  }", "  none = {}",
        "  row = {0 × 2, 5}", "}",
      ])
    #expect(
      text.line(value)
        == "{points = {{x = 1, y = -1}, {x = 1, y = -1}}, none = {}, row = {0 × 2, 5}}")
    #expect(
      text.json(value).text(pretty: false)
        == #"{"points":[{"x":1,"y":-1},{"x":1,"y":-1}],"none":{},"row":[0,0,5]}"#)
  }

  @Test func aLongArrayIsCutOnTheScreenOnly() {
    let many = KernelValue.elements((0..<70).map { .fields([.init("n", .unsigned($0))]) })
    #expect(text.lines(many).contains("  … 6 more"))
    #expect(text.line(many).hasSuffix(", …}"))
    guard case .array(let elements) = text.json(many) else {
      Issue.record("no array")
      return
    }
    #expect(elements.count == 70)
  }
}
