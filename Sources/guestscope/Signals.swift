import Commands
import GDBStub
import Glibc

/// Takes signals on a thread of their own: those that end the program let the guest go on first,
/// the others are the prompt's. No other thread ever sees them, so no system call is interrupted.
func takeSignals(paying debt: ResumeDebt, _ interrupts: Interrupts) {
  // A broken pipe must not end the program while it holds the guest: writes report it.
  signal(SIGPIPE, SIG_IGN)
  var taken = takenSignals()
  pthread_sigmask(SIG_BLOCK, &taken, nil)
  var thread = pthread_t()
  let argument = unsafe Unmanaged.passRetained(SignalThread(debt, interrupts)).toOpaque()
  pthread_create(
    &thread, nil,
    { argument in
      unsafe Unmanaged<SignalThread>.fromOpaque(argument!).takeUnretainedValue().run()
    }, argument)
}

private final class SignalThread: Sendable {
  private let debt: ResumeDebt
  private let interrupts: Interrupts

  init(_ debt: ResumeDebt, _ interrupts: Interrupts) {
    self.debt = debt
    self.interrupts = interrupts
  }

  func run() -> Never {
    var taken = takenSignals()
    while true {
      var number: Int32 = 0
      guard sigwait(&taken, &number) == 0, !interrupts.take(number) else { continue }
      debt.payLast {
        interrupts.restoreTerminal()
        _exit(128 + number)
      }
    }
  }
}

private func takenSignals() -> sigset_t {
  var signals = sigset_t()
  sigemptyset(&signals)
  for number in [SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT] { sigaddset(&signals, number) }
  return signals
}
