import Commands
import Glibc
import GuestScopeGDBStub

/// Takes signals on a thread of their own: those that end the program let the guest go on first,
/// Ctrl-Z waits for that, and the others are the prompt's. No other thread ever sees them. System
/// calls are interrupted all the same, when the program is stopped and goes on.
func takeSignals(paying debt: ResumeDebt, _ interrupts: Interrupts) {
  // A broken pipe must not end the program while it holds the guest: writes report it.
  signal(SIGPIPE, SIG_IGN)
  var taken = takenSignals()
  pthread_sigmask(SIG_BLOCK, &taken, nil)
  var thread = pthread_t()
  let argument = unsafe Unmanaged.passRetained(SignalThread(debt, interrupts, taken)).toOpaque()
  pthread_create(
    &thread, nil,
    { argument in
      unsafe Unmanaged<SignalThread>.fromOpaque(argument!).takeUnretainedValue().run()
    }, argument)
}

/// The handler of a C signal gets at nothing but globals.
private nonisolated(unsafe) var debtAtCrash: ResumeDebt?
private nonisolated(unsafe) var crashMessage: CrashMessage?

/// A crash of our own lets a held guest go on, too, says that it is one, and then ends the program as crashes do.
func takeCrashes(paying debt: ResumeDebt) {
  unsafe debtAtCrash = debt
  unsafe crashMessage = CrashMessage()
  // Of the main thread, which runs the commands: when its stack is used up, the handler needs
  // another.
  var stack = unsafe stack_t()
  unsafe stack.ss_size = 1 << 16
  unsafe stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: 1 << 16, alignment: 16)
  unsafe sigaltstack(&stack, nil)
  var action = sigaction()
  unsafe action.__sigaction_handler.sa_sigaction = { number, information, _ in
    unsafe debtAtCrash?.payAtCrash()
    // Not of a signal that somebody has sent.
    if let information, unsafe information.pointee.si_code > 0 {
      unsafe crashMessage?.write(number, at: information.pointee._sifields._sigfault.si_addr)
    }
    raise(number)
  }
  // SA_RESETHAND: the second time it gets the default action, which ends the program.
  action.sa_flags =
    Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_NODEFER | SA_ONSTACK | Int32(SA_SIGINFO)
  for number in crashSignals {
    unsafe sigaction(number, &action, nil)
  }
}

private let crashSignals = [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGSYS]

private final class SignalThread: Sendable {
  private let debt: ResumeDebt
  private let interrupts: Interrupts
  private let taken: sigset_t

  init(_ debt: ResumeDebt, _ interrupts: Interrupts, _ taken: sigset_t) {
    self.debt = debt
    self.interrupts = interrupts
    self.taken = taken
  }

  func run() -> Never {
    var taken = taken
    while true {
      var number: Int32 = 0
      guard sigwait(&taken, &number) == 0 else { continue }
      if number == SIGTSTP {
        debt.whenClear(isMeant: { interrupts.isHolding }, stop)
        continue
      }
      guard !interrupts.take(number) else { continue }
      debt.payLast {
        interrupts.restoreTerminal()
        _exit(128 + number)
      }
    }
  }
}

/// Stops the program as a SIGTSTP without a handler does. In an orphaned process group, where no shell could
/// continue it, the kernel ignores the signal.
private func stop() {
  var signals = sigset_t()
  sigemptyset(&signals)
  sigaddset(&signals, SIGTSTP)
  raise(SIGTSTP)
  pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  pthread_sigmask(SIG_BLOCK, &signals, nil)
}

/// All that would end the program and can be caught but crashes, real-time signals included, Ctrl-Z
/// and the prompt's. One that was ignored when the program began stays so, as `nohup` and
/// `command &` want it.
private func takenSignals() -> sigset_t {
  var signals = sigset_t()
  sigemptyset(&signals)
  // These the system ignores, or they stop the program, as the shell's job control wants it.
  let harmless = [SIGCHLD, SIGURG, SIGWINCH, SIGCONT, SIGSTOP, SIGTTIN, SIGTTOU]
  let others = Set(crashSignals + harmless + [SIGKILL, SIGPIPE])
  // The C library keeps 32 and 33 for itself, and refuses them here.
  for number in Int32(1)...64 where !others.contains(number) && !isIgnored(number) {
    sigaddset(&signals, number)
  }
  for number in [SIGWINCH, SIGCONT] { sigaddset(&signals, number) }
  return signals
}

private func isIgnored(_ number: Int32) -> Bool {
  var action = sigaction()
  guard unsafe sigaction(number, nil, &action) == 0 else { return false }
  return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
    == unsafeBitCast(SIG_IGN, to: Int.self)
}
