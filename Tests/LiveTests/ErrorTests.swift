import Foundation
import Testing

extension LiveTests {
  /// Whatever is wrong: a sentence that names it, exit status 1, and the guest as found.
  @Suite struct ErrorTests {
    private func expectFailure(
      _ arguments: [String], _ words: String..., location: SourceLocation = #_sourceLocation
    ) throws {
      let result = try Program(arguments).run()
      #expect(result.status == 1, "\(result.err)", sourceLocation: location)
      #expect(result.out == "", sourceLocation: location)
      for word in words {
        #expect(result.err.contains(word), "\(result.err)", sourceLocation: location)
      }
    }

    private let guest = LiveGuest("x86-6.1")

    @Test func nothingListens() throws {
      let socket = TCPSocket()
      socket.bindToAnyPort()
      try expectFailure(
        ["-c", "127.0.0.1:\(socket.port)", "-k", guest.kernel, "prog", "list"], "nothing listens",
        "QEMU with -s")
      try expectFailure(["-c", "unix:/tmp/no-such.sock", "info"], "nothing listens")
    }

    @Test func anotherServer() throws {
      let port = TCPSocket.greeting().port
      try expectFailure(["-c", "127.0.0.1:\(port)", "info"], "not a gdbserver", "SSH-2.0")
    }

    @Test func aServerThatSaysNothing() throws {
      let server = TCPSocket()
      server.bindToAnyPort()
      server.listen()
      try expectFailure(
        ["-c", "127.0.0.1:\(server.port)", "--timeout", "0.3", "info"], "no reply", "0.3 s")
    }

    @Test func noKernelFile() throws {
      try expectFailure(
        ["-c", guest.target, "-k", "/no/such/vmlinuz", "prog", "list"], "/no/such/vmlinuz")
    }

    @Test func aFileThatIsNoKernel() throws {
      let text = Data(String(repeating: "no kernel at all\n", count: 100).utf8)
      try withFile(text) { path in
        try expectFailure(["-c", guest.target, "-k", path, "prog", "list"], "not a kernel")
      }
    }

    @Test func aTruncatedKernel() throws {
      let whole = try Data(contentsOf: URL(fileURLWithPath: guest.kernel))
      try withFile(whole.prefix(whole.count / 2)) { path in
        try expectFailure(["-c", guest.target, "-k", path, "prog", "list"], "truncated")
      }
      #expect(try guest.qmp.status == "running")
    }

    @Test func aKernelWithoutBTF() throws {
      var kernel = try KernelFile(guest)
      kernel.removeBTF()
      try kernel.written { path in
        try expectFailure(
          ["-c", guest.target, "-k", path, "prog", "list"], path, "no BTF", "built with it")
      }
      #expect(try guest.qmp.status == "running")
    }

    @Test func aKernelWithoutSymbols() throws {
      var kernel = try KernelFile(guest)
      kernel.removeKallsyms()
      try kernel.written { path in
        try expectFailure(
          ["-c", guest.target, "-k", path, "prog", "list"], path, "neither .symtab nor kallsyms")
      }
      #expect(try guest.qmp.status == "running")
    }

    @Test func anotherGuestsKernel() throws {
      let other = LiveGuest("x86-5.10")
      try expectFailure(
        ["-c", guest.target, "-k", other.kernel, "prog", "list"], "not this guest's kernel",
        "Linux 5.10.", "Linux 6.1.", "(#1 SMP")
      // Neither kernel without the number of its build.
      let result = try Program(["-c", guest.target, "-k", other.kernel, "info"]).run()
      #expect(!result.err.contains("# SMP"), "\(result.err)")
      #expect(try guest.qmp.status == "running")
    }

    @Test func aGuestInFirmware() throws {
      let qemu = try PlainQEMU()
      try expectFailure(["-c", qemu.target, "-k", guest.kernel, "prog", "list"], "firmware")
      #expect(try qemu.qmp.status == "running")
    }

    @Test func usageErrorsAreStatus64() throws {
      let mistakes = [
        ["prog", "fly"], ["prog", "list", "id"], ["prog", "list", "id", "x"], ["--timeout", "0"],
        ["-c", "nonsense", "info"], ["-c", ":0", "info"], ["-c", "host:99999", "info"],
        ["--no-such-option"], [],
      ]
      for mistake in mistakes {
        let result = try Program(mistake).run()
        #expect(result.status == 64, "\(mistake): \(result.err)")
        #expect(result.out == "")
      }
      #expect(
        try Program(guest, ["prog", "stats", "type", "nonsense"]).run().status == 64)
    }
  }
}
