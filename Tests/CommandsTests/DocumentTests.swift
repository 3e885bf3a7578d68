import Testing

@testable import Commands

@Suite struct DocumentTests {
  @Test(arguments: [
    "null", "true", "-0.5e+10", "0", "[]", "[1, 2 ,3]", "{}", #"{"a":{"b":[null]}}"#,
    #""\u00e9\"\\""#, "\"é\"", "{\n  \"a\": 1\n}",
  ])
  func documents(text: String) { #expect(JSON.isDocument(text)) }

  @Test(arguments: [
    "", " ", "[", "]", "[1 2]", "{1:2}", #"{"a"}"#, #"{"a":}"#, "-", "nul", "nothing", "\"",
    "[\n    1,", #"{"a":"b"#, "[1][2]", "{}x", "no programs",
    String(repeating: "[", count: 100_000),
  ])
  func otherText(text: String) { #expect(!JSON.isDocument(text)) }

  @Test func documentsAmongLines() {
    var splitter = DocumentSplitter()
    #expect(splitter.add(Array("[1]\n{\n    \"a\": [\n".utf8)[...]) == ["[1]"])
    #expect(splitter.add(Array("    ]\n}\ntext".utf8)[...]) == ["{\n    \"a\": [\n    ]\n}"])
    #expect(splitter.end() == ["text"])
    #expect(splitter.end() == [])
    // An answer that breaks off.
    #expect(splitter.add(Array("[\n    1,\n".utf8)[...]) == [])
    #expect(splitter.end() == ["[\n    1,"])
  }
}
