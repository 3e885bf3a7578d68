import Foundation
import GuestScopeGDBStub
import TestSupport
import Testing

extension LiveTests {
  /// The guests of this host, and Tab in a shell.
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
      let opened = try #require(try qemu.qmp.gdbPort)
      #expect(try found()["gdbserver"] as? String == ":\(opened)")
      // It answers, and its guest has no kernel.
      let answer = try Program(["-c", "guest:\(name)", "info"]).run()
      #expect(answer.err.contains("firmware"), "\(answer.err)")
      // Nobody was stopped by all this.
      #expect(try qemu.qmp.runs)
    }

    // MARK: Tab

    private func offered(_ line: String) throws -> [String] {
      let result = try Program(["--complete-line", "guestscope " + line]).run()
      #expect(result.err == "")
      return result.out.split(separator: "\n").map(String.init)
    }

    /// The same with all the time that the guest takes: what a busy machine has in 200 ms is chance.
    private func offeredByGuest(_ line: String) throws -> [String] {
      let script = #"trap '' ALRM; exec "$0" "$@""#
      let child = try ChildProcess(
        "/bin/sh", ["-c", script, Program.path, "--complete-line", "guestscope " + line])
      #expect(child.wait() == 0)
      #expect(child.err == "")
      return child.out.split(separator: "\n").map(String.init)
    }

    @Test(arguments: LiveGuest.withBpftool)
    func aShellIsOfferedTheGuestsWords(guest: LiveGuest) throws {
      let programs = try guest.bpftool("prog").compactMap { $0["id"] as? Int }.sorted()
      let ids = try offeredByGuest("-c \(guest.target) prog list id ")
      #expect(ids == ["words"] + programs.map { "\($0)" })
      #expect(try offeredByGuest("-c \(guest.target) sym init_tas").contains("init_task"))
      #expect(try guest.qmp.runs)
    }

    /// Whoever presses Tab does not wait, and what needs no guest is there.
    @Test func aGuestThatDoesNotAnswer() throws {
      let server = TCPSocket()
      server.bindToAnyPort()
      server.listen()
      #expect(try offered("-c :\(server.port) prog list ") == ["words", "id", "name", "type"])
      let line = "guestscope -c :\(server.port) prog list id "
      let asked = try Program(["--complete-line", line]).run()
      #expect(asked.out == "words\n" && asked.err == "")
      // Its alarm has ended it, and not the time that a gdbserver has for an answer.
      #expect(asked.status == 128 + SIGALRM)
      #expect(try offered("-c :1 print task_struct init_task ") == ["stems"])
      #expect(try offered("-k ") == ["files"])
    }
  }
}
