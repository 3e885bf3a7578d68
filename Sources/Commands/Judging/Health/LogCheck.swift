import GuestScopeKernelLog

extension HealthCheck {
  static let kernelLog = HealthCheck(
    name: "kernel-log", about: "the kernel has logged a panic, an oops, a lockup, a stall, OOM"
  ) { health, _ in
    guard let log = try health.now(\.log) else {
      throw CommandError("the log cannot be read: this kernel has no symbol or type for it")
    }
    // Why a scheduler left is a check of its own, and a warning need not mean harm.
    let kinds: Set<Trouble.Kind> = [.panic, .oops, .lockup, .stall, .hungTask, .outOfMemory]
    return log.troubles.filter { kinds.contains($0.kind) }.map { trouble in
      .broken(
        trouble.kind.rawValue, .null,
        trouble.text + (trouble.location.map { ", at \($0)" } ?? "")
          + " (\(trouble.time.logSeconds) s)")
    }.orKept("none of these in its newest records")
  }
}
