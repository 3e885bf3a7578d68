import Testing

@testable import Commands

@Suite struct AnswerStreamTests {
  /// Arrays and objects in each other, with elements that come in pieces.
  private func write(to stream: any AnswerStream) throws {
    try stream.array {
      try stream.lines(["1: hash"])
      try stream.object([.init(key: "id", value: .unsigned(1))], array: "elements") {
        try stream.elements([["key": ["0x01"]], .null])
        try stream.elements([])
        try stream.elements(["third"])
        try stream.lines(["key: 01", "a \u{1b}[31m name"])
      }
      try stream.object([], array: "none") {}
      try stream.elements([.unsigned(5)])
      try stream.lines(["Found 3 elements"])
    }
  }

  private func text(_ form: OutputForm) throws -> String {
    var text = ""
    try write(to: AnswerWriter(form) { text += $0 })
    return text
  }

  @Test func aStreamedDocumentIsTheSameAsACollectedOne() throws {
    let collected = CollectedAnswer()
    try write(to: collected)
    #expect(
      collected.document == [
        ["id": .unsigned(1), "elements": [["key": ["0x01"]], .null, "third"]], ["none": []],
        .unsigned(5),
      ])
    #expect(try text(.json) == collected.document.text(pretty: false) + "\n")
    #expect(try text(.pretty) == collected.document.text(pretty: true) + "\n")
  }

  @Test func aScreenHasTheLinesOnly() throws {
    #expect(try text(.screen) == "1: hash\nkey: 01\na \u{fffd}[31m name\nFound 3 elements\n")
  }

  @Test func nothingIsAnEmptyArray() throws {
    for form in [OutputForm.json, .pretty] {
      var text = ""
      try AnswerWriter(form) { text += $0 }.array {}
      #expect(text == "[]\n")
    }
  }

  @Test func whoTakesNoMoreEndsTheAnswer() throws {
    var count = 0
    let stream = AnswerWriter(.json) { _ in
      count += 1
      if count == 3 { throw BrokenPipe() }
    }
    #expect(throws: BrokenPipe.self) { try write(to: stream) }
    #expect(count == 3)
  }
}
