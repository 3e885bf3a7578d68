import GuestScopeKernelBPF

extension BPFObjects.Programs {
  /// Why counters may not say what one expects; nil when the guest counts, or cannot be asked.
  var countersRemark: String? {
    guard statsEnabled == false else { return nil }
    return "the guest counts no runs now: bpf_stats_enabled is 0 "
      + "(sysctl kernel.bpf_stats_enabled=1 in the guest turns it on)"
  }
}

extension BPFProgram {
  /// The name on screen, where none is a dash.
  var shownName: String { name.isEmpty ? "-" : name }

  /// The name of the type on screen.
  var shownType: String { typeName ?? "type \(type)" }
}

extension ProgramAttachment {
  var structOps: String? { if case .structOps(let type, _) = self { type } else { nil } }

  var member: String? { if case .structOps(_, let member) = self { member } else { nil } }

  /// A function, or `NAME:FUNCTION` of a program.
  var target: String? {
    switch self {
    case .structOps: nil
    case .kernel(let function): function
    case .program(let name, let function): name.map { "\($0):\(function)" } ?? function
    }
  }
}
