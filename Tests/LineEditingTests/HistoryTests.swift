import Foundation
import Testing

@testable import LineEditing

extension LineEditingTests {
  @Suite struct HistoryTests {
    private let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent(UUID().uuidString)
    private var path: String { folder.appendingPathComponent("deeper/history").path }

    private func permissions(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func linesLastAndAreNobodyElsesBusiness() throws {
      defer { try? FileManager.default.removeItem(at: folder) }
      let first = History(path: path)
      #expect(first.lines.isEmpty)
      first.add("info")
      first.add("sym é→漢")
      // At once: a session may end by a signal.
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "info\nsym é→漢\n")
      #expect(try permissions(path) == 0o600)
      #expect(try permissions(folder.path) == 0o700)
      let second = History(path: path)
      #expect(second.lines == ["info", "sym é→漢"])
      second.add("regs")
      #expect(History(path: path).lines == ["info", "sym é→漢", "regs"])
    }

    @Test func repeatedAndEmptyLinesAreNotKept() {
      defer { try? FileManager.default.removeItem(at: folder) }
      let history = History(path: path)
      for line in ["info", "info", "", "  \t", "regs", "info"] { history.add(line) }
      #expect(history.lines == ["info", "regs", "info"])
      #expect(History(path: path).lines == ["info", "regs", "info"])
    }

    @Test(arguments: [nil, "/proc/no/such/folder/history"])
    func withoutAFileLinesLastForTheSession(path: String?) {
      let history = History(path: path)
      history.add("info")
      #expect(history.lines == ["info"])
    }
  }
}
