import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension Snapshot {
  /// What the answer lacks, with a first line that counts it by its kind: `2 programs unreadable`.
  var missing: [String] {
    guard !unreadable.isEmpty else { return [] }
    var kinds: [String] = []
    for object in unreadable where !kinds.contains(object.key.kind) {
      kinds.append(object.key.kind)
    }
    let counts = kinds.map { kind in
      let count = unreadable.count { $0.key.kind == kind }
      guard kind == XArray.nodeKind else { return "\(count) \(kind)\(count == 1 ? "" : "s")" }
      return count == 1
        ? "1 xarray node (with the objects that hang on it)"
        : "\(count) xarray nodes (with the objects that hang on them)"
    }
    return [counts.joined(separator: " and ") + " unreadable"] + unreadable.map { "\($0)" }
  }
}
