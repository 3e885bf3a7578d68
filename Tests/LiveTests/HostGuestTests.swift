import Foundation
import GuestScopeGDBStub
import Testing

extension LiveTests {
  /// The guests of this host.
  @Suite(.timeLimit(.minutes(5))) struct HostGuestTests {
    private static func listed() throws -> [[String: Any]] {
      try Program(["guests", "-j"]).run().objects()
    }

    @Test(arguments: LiveGuest.all)
    func everyGuestIsListedWithItsGDBServer(guest: LiveGuest) throws {
      let pid = try String(contentsOfFile: guest.path("pid"), encoding: .utf8)
        .trimmingCharacters(in: .whitespacesAndNewlines)
      let found = try #require(
        try Self.listed().first { "\($0["pid"] ?? "")" == pid }, "\(pid) is not listed")
      #expect(found["gdbserver"] as? String == guest.target)
      #expect(found["kernel"] as? String == guest.kernel)
      #expect(found["connect"] as? String == "pid:\(pid)")
      #expect(found["open"] is NSNull)
    }

    @Test func aGuestIsAskedByItsProcessOrItsName() throws {
      let guest = LiveGuest("x86-6.1")
      let pid = try String(contentsOfFile: guest.path("pid"), encoding: .utf8)
        .trimmingCharacters(in: .whitespacesAndNewlines)
      let arguments = ["-k", guest.kernel, "-j", "prog", "list"]
      let byPort = try Program(["-c", guest.target] + arguments).run()
      let byProcess = try Program(["-c", "pid:\(pid)"] + arguments).run()
      #expect(byProcess.status == 0, "\(byProcess.err)")
      #expect(byProcess.out == byPort.out)
      let wrong = try Program(["-c", "guest:no such guest", "info"]).run()
      #expect(wrong.status == 1)
      #expect(wrong.err.contains("-c pid:\(pid)  gdbserver at \(guest.target)"), "\(wrong.err)")
    }

    @Test(.enabled(if: StubTarget.qemuDefault.isOpen == false, "something listens on port 1234"))
    func whoNamesNoGuestIsShownThem() throws {
      let guest = LiveGuest("x86-6.1")
      let result = try Program(["-j", "info"]).run()
      #expect(result.status == 1)
      #expect(result.err.contains("port 1234"), "\(result.err)")
      #expect(result.err.contains("gdbserver at \(guest.target)\n"), "\(result.err)")
      let error = try result.json() as? [String: String]
      #expect(error?["error"]?.contains("gdbserver at \(guest.target)") == true)
    }

    @Test func aGDBServerThatTheMonitorOpensLater() throws {
      let name = "gs-\(UUID().uuidString.prefix(8))"
      let qemu = try PlainQEMU(["-name", "guest=\(name),debug-threads=on"])
      func found() throws -> [String: Any] {
        try #require(try Self.listed().first { $0["name"] as? String == name })
      }
      #expect(try found()["gdbserver"] as? String == ":\(qemu.port)")
      #expect(try found()["connect"] as? String == "guest:\(name)")
      _ = try qemu.qmp.monitor("gdbserver none")
      #expect(try found()["gdbserver"] is NSNull)
      #expect((try found()["open"] as? String)?.contains("human-monitor-command") == true)
      let closed = try Program(["-c", "guest:\(name)", "info"]).run()
      #expect(closed.status == 1)
      #expect(closed.err.contains("has no gdbserver"), "\(closed.err)")
      _ = try qemu.qmp.monitor("gdbserver tcp:127.0.0.1:0")
      let opened = try #require(try found()["gdbserver"] as? String)
      #expect(opened.hasPrefix(":") && opened != ":\(qemu.port)")
      // It answers, and its guest has no kernel.
      let answer = try Program(["-c", "guest:\(name)", "info"]).run()
      #expect(answer.err.contains("firmware"), "\(answer.err)")
      // Nobody was stopped by all this.
      #expect(try qemu.qmp.runs)
    }
  }
}
