import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension Snapshot {
  /// What the answer lacks, with a first line that counts it: `2 programs unreadable`.
  func missing(of noun: String) -> [String] {
    guard !unreadable.isEmpty else { return [] }
    let nodes = unreadable.count { $0.key.kind == XArray.nodeKind }
    let objects = unreadable.count - nodes
    var counts: [String] = []
    if objects > 0 { counts.append("\(objects) \(noun)\(objects == 1 ? "" : "s")") }
    if nodes > 0 {
      let them = nodes == 1 ? "it" : "them"
      counts.append(
        "\(nodes) xarray node\(nodes == 1 ? "" : "s") (with the \(noun)s that hang on \(them))")
    }
    return [counts.joined(separator: " and ") + " unreadable"] + unreadable.map { "\($0)" }
  }
}
