import GuestScopeKernelLog
import GuestScopeLinuxKernel

/// Whether the kernel has come up.
struct BootSection {
  /// Nil where the kernel does not show it.
  var state: SystemState?
  /// The newest record of the log.
  var last: LogRecord?

  var json: [JSON.Member] { [.init(key: "system_state", value: JSON(state?.name))] }

  var lines: [String] {
    guard let state, state.isBooting else { return [] }
    let words =
      last.map { "; the last record of its log is: \($0.text) (\($0.time.logSeconds) s)" } ?? ""
    return ["boot: the kernel has not come up yet (\(state.name))\(words)"]
  }
}
