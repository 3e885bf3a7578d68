import GuestMemory

extension Snapshot {
  /// What the answer lacks, with a first line that counts it: `2 programs unreadable`.
  func missing(of noun: String) -> [String] {
    guard !unreadable.isEmpty else { return [] }
    let count = unreadable.count
    return ["\(count) \(noun)\(count == 1 ? "" : "s") unreadable"] + unreadable.map { "\($0)" }
  }
}
