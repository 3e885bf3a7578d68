import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// An error that may come from the source of guest memory.
protocol GuestFailure: Error {
  var sourceKind: GuestMemError.Kind? { get }
}

extension GuestFailure {
  /// True when nobody answers, or the user ended the wait.
  var isOfConnection: Bool {
    let kinds: [GuestMemError.Kind] = [
      .absent, .unreachable, .silent, .busy, .lost, .interrupted,
    ]
    return sourceKind.map(kinds.contains) ?? false
  }

  /// A stub that comes back may serve another machine: nothing that was learnt holds.
  var losesGuest: Bool {
    let kinds: [GuestMemError.Kind] = [.absent, .unreachable, .lost]
    return sourceKind.map(kinds.contains) ?? false
  }
}

extension GuestMemError: GuestFailure {
  var sourceKind: Kind? { kind }
}

extension SnapshotError: GuestFailure {
  var sourceKind: GuestMemError.Kind? {
    if case .source(let error) = self { error.kind } else { nil }
  }
}

/// Of the only object that was asked for.
extension UnreadableObject: GuestFailure {
  var sourceKind: GuestMemError.Kind? { nil }
}

extension KernelError: GuestFailure {
  var sourceKind: GuestMemError.Kind? {
    if case .snapshot(let error) = self { error.sourceKind } else { nil }
  }
}
