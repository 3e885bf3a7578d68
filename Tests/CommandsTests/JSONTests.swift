import Foundation
import Testing

@testable import Commands

@Suite struct JSONTests {
  @Test func aDocumentIsOneLineWithItsMembersInOrder() {
    let document: JSON = [
      "name": "lab", "cnt": .unsigned(.max), "misses": .null, "ok": .bool(true),
      "ids": [.unsigned(1), "x"],
      "none": [], "empty": [:],
    ]
    #expect(
      document.text(pretty: false)
        == #"{"name":"lab","cnt":18446744073709551615,"misses":null,"ok":true,"ids":[1,"x"],"none":[],"empty":{}}"#
    )
  }

  /// A task of the deadline class has the priority -1, and any number may be damaged.
  @Test func anIntegerMayBeNegative() {
    let numbers: [Int?] = [-1, .min, 0, .max, nil]
    #expect(
      JSON.array(numbers.map { JSON($0) }).text(pretty: false)
        == "[-1,-9223372036854775808,0,9223372036854775807,null]")
  }

  @Test func aDifferenceIsExactAsFarAs64BitsHoldIt() {
    let numbers: [(JSON, JSON)] = [
      (.unsigned(.max), .unsigned(0)), (.unsigned(3), .unsigned(5)),
      (.unsigned(0), .unsigned(.max)),
    ]
    #expect(
      numbers.map { $0 - $1 } == [.unsigned(.max), .signed(-2), .number(-0x1p64)])
  }

  @Test func prettyIsIndentedByFour() {
    let document: JSON = [["a": .unsigned(1), "b": [.null, [:]]], []]
    #expect(
      document.text(pretty: true) == """
        [
            {
                "a": 1,
                "b": [
                    null,
                    {}
                ]
            },
            []
        ]
        """)
  }

  @Test func anyTextIsReadBackAsItWas() throws {
    let texts = [
      "plain", "quote \" backslash \\ slash /", "\u{1b}[31mred", "\n\r\t\u{0}\u{7f}\u{85}\u{9b}",
      "é \u{1f600} \u{fffd} \u{2028}", "",
    ]
    let text = JSON.array(texts.map { .string($0) }).text(pretty: false)
    let read = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String]
    #expect(read == texts)
  }

  @Test func noControlCharacterIsPrintedRaw() {
    let all = String(String.UnicodeScalarView((0..<0xa0).compactMap(Unicode.Scalar.init)))
    let text = JSON.object([.init(key: all, value: .string(all))]).text(pretty: false)
    let raw = text.unicodeScalars.filter { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) }
    #expect(raw.isEmpty)
  }

  @Test func membersAreAddedAtTheEnd() {
    let object: JSON = ["a": .unsigned(1)]
    #expect(object.adding(["b": .null]).text(pretty: false) == #"{"a":1,"b":null}"#)
    #expect(JSON.null.adding(["b": .null]) == .null)
    #expect(JSON(nil as UInt32?) == .null && JSON(3 as Int?) == .unsigned(3))
  }
}
