import Glibc
import GuestScopeGDBStub
import GuestScopeKernelCache
import GuestScopeLinuxKernel

@testable import Commands

nonisolated(unsafe) let silence = Console(
  output: open("/dev/null", O_WRONLY), errors: open("/dev/null", O_WRONLY))

private let debt = ResumeDebt()
private let interrupts = Interrupts()
// To parse them takes longer than many a walk.
private let options = parsed { try SessionOptions.parse([]) }
let usualOutput = parsed { try OutputOptions.parse([]) }

private func parsed<T>(_ parse: () throws -> T) -> T {
  do { return try parse() } catch { fatalError("the usual options: \(error)") }
}

/// A session that shows nobody anything.
func silentSession(cache: KernelCache? = nil) -> Session {
  Session(
    options, console: silence, debt: debt, interrupts: interrupts, isShared: true, cache: cache)
}

/// A session that asks a recorded guest.
///
/// - Parameter kernel: nil where finding it is part of the session's work.
func silentSession(
  asking guest: Replay, facts: (any KernelFactsSource)? = nil, kernel: GuestKernel? = nil
) -> Session {
  let session = silentSession()
  session.use(guest, facts ?? guest.recording.facts, kernel: kernel)
  return session
}
