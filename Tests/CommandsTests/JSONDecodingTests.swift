import Testing

@testable import Commands

@Suite struct JSONDecodingTests {
  @Test func whatWasWrittenIsReadBack() throws {
    let document: JSON = [
      "a": .unsigned(.max), "b": .signed(.min), "c": .number(0.25), "d": .null, "e": .bool(false),
      "f": "é \u{1b} \" \\", "g": [.unsigned(0), [:], []], "h": ["i": .unsigned(1)],
    ]
    for isPretty in [false, true] {
      #expect(try JSON(decoding: Array(document.text(pretty: isPretty).utf8)) == document)
    }
  }

  @Test(arguments: ["", "[", "{\"a\":}", "nul", "[1] 2", "\u{0}", "{\"a\":1"])
  func whatIsNotJSONIsRefused(text: String) {
    #expect(throws: CommandError.self) { try JSON(decoding: Array(text.utf8)) }
  }

  @Test func damageIsRefusedOrIsADocument() {
    let text = Array(#"[{"name":"lab","cnt":12,"ids":[1,2],"rate":0.5,"ok":true}]"#.utf8)
    for index in text.indices {
      for byte in [UInt8(0), 0x22, 0x5b, 0x7d, 0x80, 0xff] {
        var damaged = text
        damaged[index] = byte
        guard let document = try? JSON(decoding: damaged) else { continue }
        #expect((try? JSON(decoding: Array(document.text(pretty: false).utf8))) == document)
        _ = AnswerValues(document)
      }
    }
  }
}
