import Foundation
import TestSupport
import Testing

extension LiveTests {
  /// Readers that have had enough before the program has written all.
  @Suite(.timeLimit(.minutes(5))) struct BrokenPipeTests {
    private let guest = LiveGuest("x86-6.1")

    @Test(
      arguments: [
        ["sym", "*"], ["-j", "read", "_text", "0x100000"], ["-e", "sym *", "-e", "sym *"],
        ["--hold", "-e", "sym *", "-e", "sym *"], ["--keep-going", "-e", "hold", "-e", "sym *"],
      ])
    func aReaderThatLeavesEndsItQuietly(arguments: [String]) throws {
      let pipe = #""$@" | head -c 100 | wc -c; exit ${PIPESTATUS[0]}"#
      let program = [Program.path, "-c", guest.target, "-k", guest.kernel] + arguments
      let shell = try ChildProcess("/bin/bash", ["-c", pipe, "bash"] + program)
      // As a program that SIGPIPE ended.
      #expect(shell.wait() == 128 + SIGPIPE)
      #expect(shell.out == "100\n")
      #expect(shell.err == "")
      #expect(try guest.qmp.runs)
    }
  }
}
