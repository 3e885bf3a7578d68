import Foundation
import Testing

extension LiveTests {
  /// What a script sees that starts QEMU itself.
  @Suite struct WaitTests {
    private let kernel = LiveGuest("x86-6.1").kernel

    private func expectTimeOver(
      _ arguments: [String], _ words: String..., location: SourceLocation = #_sourceLocation
    ) throws {
      let result = try Program(arguments).run()
      #expect(result.status == 1 && result.out == "", sourceLocation: location)
      for word in ["waited "] + words {
        #expect(result.err.contains(word), "\(result.err)", sourceLocation: location)
      }
    }

    @Test func nothingListensAtAll() throws {
      let target = "127.0.0.1:\(PlainQEMU.freePort())"
      let start = ContinuousClock.now
      try expectTimeOver(
        ["-c", target, "-k", kernel, "--wait", "1", "info"], "nothing listens", target)
      #expect(ContinuousClock.now - start > .seconds(1))
    }

    @Test func aQEMUThatStartsLaterIsFoundInItsFirmware() throws {
      let port = PlainQEMU.freePort()
      let waiting = try Program(
        ["-c", "127.0.0.1:\(port)", "-k", kernel, "--wait", "20", "info"]
      ).start()
      usleep(1_000_000)
      #expect(waiting.isRunning, "\(waiting.err)")
      let qemu = try PlainQEMU(port: port)
      #expect(waiting.wait() == 1)
      #expect(waiting.err.contains("waited 20"), "\(waiting.err)")
      #expect(waiting.err.contains("firmware"), "\(waiting.err)")
      #expect(try qemu.qmp.status == "running")
    }

    /// One that would never end by itself.
    @Test func ctrlCEndsAWait() throws {
      let waiting = try Program(
        ["-c", "unix:/tmp/no-such.sock", "-k", kernel, "--wait", "0", "info"]
      ).start()
      usleep(2_000_000)
      #expect(waiting.isRunning, "\(waiting.err)")
      kill(waiting.identifier, SIGINT)
      #expect(waiting.wait() == 128 + SIGINT)
    }

    /// Whoever waits in vain says how long.
    @Test func whatWaitingCannotMendIsNotWaitedFor() throws {
      let port = TCPSocket.greeting().port
      let guest = LiveGuest("x86-6.1")
      let cases: [([String], String)] = [
        (["-c", "127.0.0.1:\(port)", "-k", kernel], "not a gdbserver"),
        (["-c", guest.target, "-k", "/no/such/vmlinuz"], "/no/such/vmlinuz"),
        (["-c", guest.target, "-k", LiveGuest("x86-5.10").kernel], "not this guest's kernel"),
      ]
      for (arguments, words) in cases {
        let result = try Program(arguments + ["--wait", "60", "info"]).run()
        #expect(result.status == 1)
        #expect(result.err.contains(words), "\(result.err)")
        #expect(!result.err.contains("waited"), "\(result.err)")
      }
    }

    @Test func aProgramThatNeverComes() throws {
      let guest = LiveGuest("x86-6.1")
      try expectTimeOver(
        ["-c", guest.target, "-k", guest.kernel, "--wait", "1.5", "--wait-for", "no_such_*"]
          + ["info"],
        "BPF programs, and none is called no_such_*")
      #expect(try guest.qmp.status == "running")
    }

    /// From the first moment of the boot to the programs that its init loads.
    @Test(.timeLimit(.minutes(5)), arguments: ["x86-6.1", "arm64-6.12"])
    func aGuestThatBootsIsWaitedFor(guest: String) throws {
      let booting = try BootingGuest(guest)
      let question = ["-c", booting.target, "-k", LiveGuest(guest).kernel, "--wait"]
      let info = try Program(question + ["0", "info", "-j"]).start()
      let held = try Program(question + ["240", "--hold", "info", "-j"]).start()
      let listed = try Program(
        question + ["240", "--wait-for", "tiny_[o]*", "prog", "list", "name", "tiny_other*", "-j"]
      ).run()
      // Its init goes on loading programs at that moment, perhaps faster than they can be read.
      #expect(
        listed.status == 0
          || listed.status == 2 && listed.err.contains("it changed faster than it could be read"),
        "\(listed.err)")
      #expect(!listed.out.isEmpty && listed.out != "[]\n")
      #expect(info.wait() == 0, "\(info.err)")
      #expect(held.wait() == 0, "\(held.err)")
      #expect(try booting.qmp.status == "running")
    }
  }
}
