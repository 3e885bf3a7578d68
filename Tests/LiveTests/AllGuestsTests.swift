import Foundation
import TestSupport
import Testing

@testable import Commands
@testable import GuestScopeGDBStub

extension LiveTests {
  /// `-c all` of the guests of these tests, and not of others that the machine may run.
  @Suite(.timeLimit(.minutes(5)), .enabled(if: LiveGuest.resting.count > 1, "a single guest"))
  final class AllGuestsTests {
    private let folder: TemporaryFolder
    private let guests = ["arm64-6.12", "arm64-7", "x86-5.10", "x86-7"].map { LiveGuest($0) }

    init() throws { folder = try TemporaryFolder() }

    private func path(_ name: String) -> String { folder.path(of: name) }

    private func run(
      _ arguments: [String], more: [PlainQEMU] = []
    ) throws -> (status: Int32, out: String, err: String, members: [String: Any]) {
      let pids = Set(try guests.map { try $0.pid } + more.map(\.identifier))
      let descriptors = ["out", "err"].map { name in
        open(path(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
      }
      defer { for descriptor in descriptors { close(descriptor) } }
      let console = Console(output: descriptors[0], errors: descriptors[1])
      // The guardian's program is this one: what a process runs is the program under test.
      let status = CommandLineTool.run(
        ["-c", "all"] + arguments, debt: ResumeDebt(), guardian: Program.path, console: console,
        guests: { HostGuest.all().filter { pids.contains($0.pid) } })
      let out = try String(contentsOfFile: path("out"), encoding: .utf8)
      let members = try? JSONSerialization.jsonObject(with: Data(out.utf8)) as? [String: Any]
      return (
        status, out, try String(contentsOfFile: path("err"), encoding: .utf8), members ?? [:]
      )
    }

    @Test func eachGuestSaysWhatItSaysAlone() throws {
      let result = try run(["-j", "prog", "list"])
      #expect(result.status == 0)
      // The first client of a QEMU from 8.1 on hears how its guest was taken.
      let notes = result.err.split(separator: "\n")
      #expect(notes.allSatisfy { $0.contains("to its first client") }, "\(notes)")
      #expect(result.members.count == guests.count)
      for guest in guests {
        let alone = try Program(["-c", guest.target, "-j", "prog", "list"]).run()
        let member = "\"pid:\(try guest.pid)\":" + alone.out.dropLast()
        #expect(result.out.contains(member), "\(guest)")
        #expect(try guest.qmp.runs)
      }
    }

    @Test func aBatchOfAll() throws {
      let result = try run(["-j", "-e", "info", "-e", "prog list id 0", "--keep-going"])
      #expect(result.status == 1)
      for guest in guests {
        let documents = try #require(result.members["pid:\(try guest.pid)"] as? [[String: Any]])
        #expect(documents.first?["release"] is String)
        #expect(documents.last?["error"] as? String == "the guest has no program with id 0")
        #expect(result.err.contains("pid:\(try guest.pid): -e:2: the guest has no program"))
      }
    }

    /// One that a debugger has, and one without a gdbserver.
    @Test func aGuestThatCannotBeAskedKeepsNoOtherFromAnswering() throws {
      let (busy, shut) = (try PlainQEMU(), try PlainQEMU())
      let debugger = TCPSocket()
      #expect(debugger.connect(to: busy.port))
      defer { debugger.end() }
      _ = try shut.qmp.monitor("gdbserver none")
      let result = try run(["-j", "--timeout", "10", "prog", "list"], more: [busy, shut])
      #expect(result.status == 1)
      for (qemu, text) in [(busy, "another debugger"), (shut, "has no gdbserver")] {
        let key = "pid:\(qemu.identifier)"
        let error = (result.members[key] as? [String: String])?["error"] ?? ""
        #expect(error.contains(text), "\(error)")
        #expect(result.err.contains("guestscope: \(key): "), "\(result.err)")
      }
      for guest in guests {
        #expect(result.members["pid:\(try guest.pid)"] is [Any], "\(guest)")
        #expect(try guest.qmp.runs)
      }
    }

    @Test func allAreWatched() throws {
      let metrics = path("guests.prom")
      let result = try run(
        ["-j", "watch", "-n", "0.1", "--count", "3", "--openmetrics", metrics, "prog", "list"])
      #expect(result.status == 0, "\(result.err)")
      let lines = try result.out.split(separator: "\n").map { line in
        try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      }
      for guest in guests {
        let key = "pid:\(try guest.pid)"
        #expect(
          lines.filter { $0["guest"] as? String == key && $0["time"] as? Double != nil }.count == 3)
        let text = try String(contentsOfFile: path("guests.\(key).prom"), encoding: .utf8)
        #expect(text.contains("guestscope_value{guest=\"\(key)\",object=\""))
        #expect(try guest.qmp.runs)
      }
    }

    @Test func eachGuestHasAFolderForItsReport() throws {
      let reports = path("reports")
      let result = try run(["report", "--dir", reports])
      // The pages of an arena are not shown unasked, which a report of a guest with arenas says.
      let isPartial = result.err.contains("pages of the arena")
      #expect(result.status == (isPartial ? 2 : 0), "\(result.err)")
      for guest in guests {
        #expect(result.out.contains("pid:\(try guest.pid):\n"))
        let index = reports + "/pid:\(try guest.pid)/index.json"
        #expect(FileManager.default.fileExists(atPath: index))
        #expect(try guest.qmp.runs)
      }
    }
  }
}

extension LiveGuest {
  /// The process of its QEMU.
  var pid: Int32 {
    get throws {
      let text = try String(contentsOfFile: path("pid"), encoding: .utf8)
      return try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
    }
  }
}
