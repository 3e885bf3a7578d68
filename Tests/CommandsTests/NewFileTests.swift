import Foundation
import TestSupport
import Testing

@testable import Commands

/// What is written as it comes: a new file, and an answer in two forms.
@Suite struct NewFileTests {
  @Test func aFileGrowsAndIsNew() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/new"
    let file = try NewFile(path)
    for text in ["one\n", "", "two\n"] { try file.write(text) }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "one\ntwo\n")
    let error = #expect(throws: CommandError.self) { try NewFile(path) }
    #expect(error?.isOfOutput == true)
    #expect(error?.description == "cannot write \(path): File exists")
  }

  @Test func oneAnswerIsWrittenInBothForms() throws {
    var (screen, document) = ("", "")
    let stream = TwoForms(
      AnswerWriter(.screen) { screen += $0 }, AnswerWriter(.json) { document += $0 })
    let collected = CollectedAnswer()
    for stream in [stream, collected] as [any AnswerStream] {
      try stream.array {
        try stream.lines(["7: hash"])
        try stream.object([.init(key: "id", value: .unsigned(7))], array: "elements") {
          try stream.elements([.unsigned(1), .unsigned(2)])
          try stream.lines(["one", "two"])
        }
      }
    }
    #expect(screen == "7: hash\none\ntwo\n" && collected.lines == ["7: hash", "one", "two"])
    #expect(document == #"[{"id":7,"elements":[1,2]}]"# + "\n")
    #expect(collected.document.text(pretty: false) + "\n" == document)
  }
}
