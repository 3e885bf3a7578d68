import Foundation
import Testing

extension LiveTests {
  /// The program as a job of a shell: Ctrl-Z, `fg`, `kill %1`.
  @Suite(.timeLimit(.minutes(5))) struct JobControlTests {
    private func shell() throws -> PseudoTerminal {
      let shell = try PseudoTerminal(
        "/bin/bash", ["--norc", "--noprofile", "-i"], environment: ["PS1": "shell> "])
      try shell.expect("shell> ")
      return shell
    }

    private func suspend(_ shell: PseudoTerminal) throws {
      try shell.press(.suspend)
      try shell.expect("Stopped")
      try shell.expect("shell> ")
    }

    /// The terminal is the shell's by then: to set it back would stop the program once more.
    @Test func aSuspendedPromptIsEndedByKill() throws {
      let shell = try shell()
      try shell.enter("\(Program.path) -c unix:/nowhere/gdb.sock")
      try shell.expect("guestscope (no guest)> ")
      try suspend(shell)
      try shell.enter("echo job=$(jobs -p)=")
      try shell.expect("\njob=")
      let job = try #require(Int(try shell.expect("=\n")))
      try shell.enter("kill %1")
      // Not from the shell, which may be late to notice.
      func hasEnded() -> Bool {
        let state = try? String(contentsOfFile: "/proc/\(job)/stat", encoding: .utf8)
        return state?.contains(") Z ") ?? true
      }
      for _ in 0..<500 where !hasEnded() { usleep(10_000) }
      #expect(hasEnded())
    }

    /// Between two stops of its own, whenever it comes.
    @Test func aSuspendedProgramHoldsNoGuest() throws {
      let qemu = try PlainQEMU()
      let qmp = try qemu.qmp
      let shell = try shell()
      // Stopped for much of the time, and by no hold of the user's.
      try shell.enter(
        "yes 'pread 0x100000 0x400000 -t string' | "
          + "\(Program.path) -c \(qemu.target) --max-pause 50 >/dev/null")
      for _ in 0..<10 {
        // It is at work, and the terminal is its own.
        while try qmp.status == "running" { usleep(1000) }
        usleep(UInt32.random(in: 0..<50_000))
        try suspend(shell)
        #expect(try qmp.runs)
        try shell.enter("fg")
      }
      try shell.press(.interrupt)
      #expect(try qmp.runs)
    }

    @Test func aGuestThatIsHeldStaysSoAndIsLetGoAfterwards() throws {
      let qemu = try PlainQEMU()
      let shell = try shell()
      try shell.enter("\(Program.path) -c \(qemu.target)")
      try shell.expect(PseudoTerminal.prompt)
      try shell.enter("hold")
      try shell.expect("guestscope (held)> ")
      // At once: what is typed a moment later is the shell's.
      try shell.press(.suspend)
      usleep(700_000)
      try shell.enter("echo typed-$((20 + 22))")
      try shell.expect("Stopped")
      try shell.expect("typed-42")
      #expect(try qemu.qmp.status == "paused")
      try shell.enter("fg")
      try shell.expect("guestscope (held)> ")
      try shell.press(.end)
      try shell.expect("shell> ")
      #expect(try qemu.qmp.runs)
    }
  }
}
