import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension Snapshot {
  /// What the answer lacks.
  var missing: [String] { unreadable.missing }
}

extension [UnreadableObject] {
  /// What an answer lacks, with a first line that counts it by its kind: `2 programs unreadable`.
  var missing: [String] {
    guard !isEmpty else { return [] }
    // Nodes come last: what hangs on them is not counted.
    let kinds = Set(self.map(\.key.kind)).sorted {
      ($0 == XArray.nodeKind ? 1 : 0, $0) < ($1 == XArray.nodeKind ? 1 : 0, $1)
    }
    let counts = kinds.map { kind in
      let count = count { $0.key.kind == kind }
      guard kind == XArray.nodeKind else { return Self.text(count, kind) }
      return count == 1
        ? "1 xarray node (with the objects that hang on it)"
        : "\(count) xarray nodes (with the objects that hang on them)"
    }
    let isBusy = contains { $0.cause.reason == .moving }
    return [counts.joined(separator: " and ") + " unreadable"] + details
      + (isBusy
        ? ["what changes so fast can be read with --hold, or with a larger --max-pause"] : [])
  }

  /// A line for each, as many as one reads; elements of containers have no names of their own, and may have
  /// equal ones.
  private var details: [String] {
    let lines = map { "\($0)" }
    let counts = Dictionary(lines.map { ($0, 1) }, uniquingKeysWith: +)
    var seen: Set<String> = []
    let unique = lines.filter { seen.insert($0).inserted }.map { line in
      counts[line]! > 1 ? "\(line) (\(counts[line]!) times)" : line
    }
    let rest = unique.count - Self.mostDetails
    return unique.prefix(Self.mostDetails)
      + (rest > 0 ? ["and \(rest) more, which are not named here"] : [])
  }

  private static let mostDetails = 50

  /// `2 programs`, `machine code of 2 programs`, `2 stretches of slots`.
  private static func text(_ count: Int, _ kind: String) -> String {
    if kind.hasSuffix(" from") {
      return counted(count, "stretch") + " of " + kind.dropLast(" from".count)
    }
    let words = kind.components(separatedBy: " of ")
    return words.count == 2 ? "\(words[0]) of \(counted(count, words[1]))" : counted(count, kind)
  }
}
