import Foundation
import TestSupport
import Testing

extension LiveTests {
  /// What `report --dir` leaves for those who were not there.
  @Suite final class ReportFolderTests {
    private let guest = LiveGuest("x86-6.1")
    private let parent: TemporaryFolder
    private var folder: String { parent.path(of: "report") }

    init() throws { parent = try TemporaryFolder() }

    private func contents(_ path: String) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    private func json(_ name: String) throws -> Any {
      let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
      return try JSONSerialization.jsonObject(with: data)
    }

    @Test func theFolderHasWhatTheCommandsSay() throws {
      let result = try Program(guest, ["--hold", "-j", "report", "--dir", folder]).run()
      #expect(result.status == 0, "\(result.err)")
      let answer = try #require(try result.json() as? [String: Any])
      #expect(answer["dir"] as? String == folder)
      let index = try #require(try json("index.json") as? [String: Any])
      let entries = try #require(index["files"] as? [[String: Any]])
      #expect(answer["files"] as? NSArray == entries as NSArray)
      let listed = entries.flatMap { $0["files"] as? [String] ?? [] }
      #expect(try contents(folder) == (listed + ["index.json"]).sorted())
      for name in listed where name.hasSuffix(".json") {
        #expect(throws: Never.self, "\(name)") { try json(name) }
      }
      // What rests is the same afterwards.
      for (name, words) in [
        ("programs", ["prog", "list"]), ("maps", ["map", "list"]), ("modules", ["module", "list"]),
        ("map-contents", ["map", "dump", "name", "*"]), ("links", ["link", "list"]),
      ] {
        let again = try Program(guest, ["-j"] + words).run()
        #expect(try json(name + ".json") as? NSArray == again.objects() as NSArray, "\(name)")
        let text = try String(contentsOfFile: folder + "/\(name).txt", encoding: .utf8)
        #expect(try Program(guest, words).run().out == text, "\(name)")
      }
      let report = try #require(try json("report.json") as? [String: Any])
      #expect(report["schema"] as? String == "single")
    }

    @Test func aFolderIsThereAsAWholeOrNotAtAll() throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      #expect(try Program(guest, ["report", "--dir", folder + "/"]).run().status == 0)
      let files = try contents(folder)
      let again = try Program(guest, ["report", "--dir", folder]).run()
      #expect(again.status == 1 && again.err.contains("is not empty"), "\(again.err)")
      #expect(try contents(folder) == files)
      // Nobody answers there.
      let other = parent.path(of: "other")
      let none = try Program(["-c", "unix:" + other, "report", "--dir", other]).run()
      #expect(none.status == 1)
      #expect(try contents(parent.path) == ["report"])
      let nowhere = try Program(guest, ["report", "--dir", parent.path + "/no/such"]).run()
      #expect(nowhere.status == 1 && nowhere.err.contains("cannot make"), "\(nowhere.err)")
      let file = try Program(guest, ["report", "--dir", folder + "/report.txt"]).run()
      #expect(file.status == 1 && file.err.contains("Not a directory"), "\(file.err)")
    }
  }
}
