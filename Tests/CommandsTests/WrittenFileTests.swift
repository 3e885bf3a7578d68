import Foundation
import TestSupport
import Testing

@testable import Commands

/// Where a file is written as a whole.
@Suite struct WrittenFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func path(_ name: String) -> String { folder.path(of: name) }

  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: path(name), encoding: .utf8)
  }

  @Test func aFileIsReplaced() throws {
    for words in ["first", "next"] {
      try writeFile(path("file"), words, .atomic)
      #expect(try text("file") == words)
    }
  }

  @Test func aLinkStaysAndWhatItLeadsToIsReplaced() throws {
    try writeFile(path("file"), "first", .atomic)
    try FileManager.default.createSymbolicLink(atPath: path("link"), withDestinationPath: "file")
    try writeFile(path("link"), "next", .atomic)
    #expect(try text("file") == "next")
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path("link")) == "file")
  }

  /// To be put in the place of a device would be the end of it.
  @Test func aPipeIsWrittenTo() throws {
    try #require(mkfifo(path("pipe"), 0o600) == 0)
    let reader = open(path("pipe"), O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    try writeFile(path("pipe"), "words", .atomic)
    var bytes = [UInt8](repeating: 0, count: 16)
    #expect(read(reader, &bytes, bytes.count) == 5 && bytes.prefix(5).elementsEqual("words".utf8))
    var status = stat()
    #expect(stat(path("pipe"), &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
  }
}
