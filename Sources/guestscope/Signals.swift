import GDBStub
import Glibc

/// Takes the signals that end the program on a thread of their own, which lets the guest go on
/// first. No other thread ever sees them, so no system call is interrupted.
func takeSignals(paying debt: ResumeDebt) {
  // A broken pipe must not end the program while it holds the guest: writes report it.
  signal(SIGPIPE, SIG_IGN)
  var ending = endingSignals()
  pthread_sigmask(SIG_BLOCK, &ending, nil)
  var thread = pthread_t()
  let argument = unsafe Unmanaged.passRetained(debt).toOpaque()
  pthread_create(
    &thread, nil,
    { argument in
      let debt = unsafe Unmanaged<ResumeDebt>.fromOpaque(argument!).takeUnretainedValue()
      var ending = endingSignals()
      var number: Int32 = 0
      while sigwait(&ending, &number) != 0 {}
      debt.pay()
      _exit(128 + number)
    }, argument)
}

private func endingSignals() -> sigset_t {
  var signals = sigset_t()
  sigemptyset(&signals)
  for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
  return signals
}
