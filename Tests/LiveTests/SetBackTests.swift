import Foundation
import GuestScopeGDBStub
import TestSupport
import Testing

@testable import Commands

extension LiveTests {
  /// A guest that is set back to an earlier state, by QEMU's `loadvm`.
  @Suite struct SetBackTests {
    /// It loads the same programs again, with the same ids and mostly at the same addresses, at other times.
    /// Neither a session that was open meanwhile nor a run with a cache takes them for the earlier ones.
    @Test(.timeLimit(.minutes(5)))
    func programsOfAnotherPastAreNotTakenForTheEarlierOnes() throws {
      let booting = try BootingGuest("x86-6.1", append: "gs.objects=0")
      let disk = NSTemporaryDirectory() + "gs-disk-\(UUID().uuidString)"
      let cache = NSTemporaryDirectory() + "gs-cache-\(UUID().uuidString)"
      defer { for path in [disk, cache] { try? FileManager.default.removeItem(atPath: path) } }
      try addSnapshotDisk(disk, booting.qmp)
      try booting.wait(for: "Run /init as init process")
      #expect(try booting.qmp.monitor("savevm early") == "")

      let question = ["-c", booting.target]
      func list(cached: Bool) throws -> ChildProcess.Outcome {
        let words =
          question + (cached ? [] : ["--no-cache"]) + ["prog", "list", "type", "all", "-j"]
        return try Program(words, environment: ["XDG_CACHE_HOME": cache]).run()
      }
      let console = Console(output: STDOUT_FILENO, errors: open("/dev/null", O_WRONLY))
      let session = Session(
        try SessionOptions.parse(question), console: console, debt: ResumeDebt(), isShared: true)
      var pasts: [String] = []
      for boot in 1...2 {
        try booting.waitUntilReady(boots: boot)
        let told = try list(cached: false)
        #expect(told.status == 0 && !pasts.contains(told.out), "\(told.err)")
        pasts.append(told.out)
        // The second time it is as it is remembered.
        for _ in 1...2 {
          let command = try #require(
            try Root.parse(words: ["prog", "list", "type", "all"]) as? any GuestCommand)
          let own = try command.answer(in: session).document.text(pretty: false)
          #expect(own + "\n" == told.out)
          let known = try list(cached: true)
          #expect(known.out == told.out && known.status == 0, "\(known.err)")
        }
        #expect(try booting.qmp.monitor("loadvm early") == "")
      }
    }

    /// A disk that snapshots can be kept on.
    private func addSnapshotDisk(_ path: String, _ qmp: QMP) throws {
      try Data().write(to: URL(fileURLWithPath: path))
      try qmp.execute(
        "blockdev-add", arguments: #"{"driver":"file","filename":"\#(path)","node-name":"file"}"#)
      try qmp.execute(
        "blockdev-create",
        arguments: #"""
          {"job-id":"format","options":{"driver":"qcow2","file":"file","size":1073741824}}
          """#)
      func isFormatted() throws -> Bool {
        let jobs = try qmp.execute("query-jobs") as? [[String: Any]]
        return jobs?.first?["status"] as? String == "concluded"
      }
      try #require(try eventually(isFormatted))
      try qmp.execute("job-dismiss", arguments: #"{"id":"format"}"#)
      try qmp.execute(
        "blockdev-add", arguments: #"{"driver":"qcow2","file":"file","node-name":"snapshots"}"#)
    }
  }
}
