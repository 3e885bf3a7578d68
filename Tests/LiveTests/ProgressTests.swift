import Foundation
import TestSupport
import Testing

extension LiveTests {
  /// Whatever takes long says so on a terminal, and nowhere else.
  @Suite(.timeLimit(.minutes(5))) struct ProgressTests {
    private let guest = LiveGuest("x86-6.1")

    private let cache: TemporaryFolder

    init() throws { cache = try TemporaryFolder() }

    private func open(_ arguments: [String]) throws -> PseudoTerminal {
      try PseudoTerminal(Program.path, arguments, environment: ["XDG_CACHE_HOME": cache.path])
    }

    @Test func aStubThatSaysNothing() throws {
      let server = TCPSocket()
      server.bindToAnyPort()
      server.listen()
      let arguments = ["-c", ":\(server.port)", "--timeout", "3", "info"]
      let terminal = try open(arguments)
      try terminal.expect("waiting for an answer from 127.0.0.1:\(server.port)…")
      // What is said next takes its place.
      try terminal.expect("guestscope: ")
      #expect(try terminal.wait() == 1)
      #expect(try Program(arguments).run().err.contains("waiting for") == false)
    }

    @Test func aKernelThatIsLookedFor() throws {
      // Shorter stops take longer in all, on a fast machine as well.
      let terminal = try open(["-c", guest.target, "--no-cache", "--max-pause", "0.05", "info"])
      try terminal.expect("looking for the kernel: read ")
      try terminal.expect("iB, the guest was stopped for ")
      #expect(try terminal.wait() == 0)
      #expect(try Program(["-c", guest.target, "--no-cache", "info"]).run().err == "")
    }

    @Test func typesThatAreWritten() throws {
      let terminal = try open(["-k", guest.kernel, "-c", guest.target])
      try terminal.expect(PseudoTerminal.prompt)
      // How many were written is said after half a second, which a fast machine does not need.
      try terminal.enter("btf dump kernel format c > /dev/null")
      try terminal.expect(" types in C…")
      try terminal.expect(PseudoTerminal.prompt)
      try terminal.press(.end)
      #expect(try terminal.wait() == 0)
    }
  }
}
