import GuestScopeGuestMemory
import GuestScopeKernelBPF

extension Snapshot<BPFPrograms.Listing> {
  /// Why counters may not say what one expects; nil when the guest counts, or cannot be asked.
  var countersRemark: String? {
    guard value.statsEnabled == false else { return nil }
    return "the guest counts no runs now: bpf_stats_enabled is 0 "
      + "(sysctl kernel.bpf_stats_enabled=1 in the guest turns it on)"
  }

  /// What to say of a list without a program.
  ///
  /// - Parameter type: the one that was asked for; nil for all.
  func emptyRemark(type: String?) -> String? {
    guard value.programs.isEmpty, unreadable.isEmpty else { return nil }
    guard let type else { return "the guest has no BPF programs" }
    let others = value.otherTypes
    return "no \(type) programs; "
      + (others == 0 ? "none of other types either" : "\(others) of other types: type all")
  }
}

extension BPFProgram {
  /// The name on screen, where none is a dash.
  var shownName: String { name.isEmpty ? "-" : name }
}
