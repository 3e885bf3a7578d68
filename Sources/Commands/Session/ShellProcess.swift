import Glibc

/// A command that the user's shell runs, on our terminal. Ctrl-C ends it and, at the prompt, not us.
struct ShellProcess {
  private let identifier: pid_t
  /// Where its standard input comes from; -1 where it has ours.
  let input: Int32

  /// Statuses of the shell for a command that it could not run.
  static let couldNotRun: ClosedRange<Int32> = 126...127

  /// - Parameter isFed: its standard input is a pipe, to be written to at `input`.
  init(_ command: String, isFed: Bool) throws(CommandError) {
    let ends = isFed ? try openPipe() : (reading: -1, writing: -1)
    input = ends.writing
    defer { if ends.reading >= 0 { close(ends.reading) } }
    do throws(CommandError) {
      identifier = try spawn("/bin/sh", ["sh", "-c", command]) { actions in
        guard ends.reading >= 0 else { return }
        unsafe posix_spawn_file_actions_adddup2(&actions, ends.reading, STDIN_FILENO)
      }
    } catch {
      if isFed { close(ends.writing) }
      throw error
    }
  }

  /// Ends its input and waits for it.
  ///
  /// - Returns: its exit status, or 128 and the signal that ended it.
  func wait() -> Int32 {
    if input >= 0 { close(input) }
    return endStatus(of: identifier)
  }
}
