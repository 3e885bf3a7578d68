import GuestScopeBTF
import GuestScopeKernelImage

/// A global variable as a user names it, with a path of members after it: `nr_enqueued`,
/// `stats[2].cnt`, `ctx->lock`; the name may be a shell pattern, `nr_*`. The name of a static variable of a
/// function has a dot of its own: `dispatch.calls`.
struct VarExpression {
  let text: String
  /// How the text may be meant, the longest name first.
  private let readings: [(name: Glob, path: MemberPath)]

  /// - Returns: nil for what is not a path.
  init?(_ text: String) {
    self.text = text
    var readings: [(Glob, MemberPath)] = []
    for end in Array(text.indices) + [text.endIndex] {
      let rest = text[end...]
      let isDot = rest.first == "."
      guard rest.isEmpty || isDot || rest.hasPrefix("->") || Self.isIndex(rest) else { continue }
      let name = String(text[..<end])
      if Self.isName(name), let path = MemberPath(String(rest)) {
        readings.append((Glob(name), path))
      }
      // Nothing else is within a name.
      if !isDot { break }
    }
    guard !readings.isEmpty else { return nil }
    self.readings = readings.reversed()
  }

  /// `[2]` belongs to the path, and `[a-z]` to a pattern.
  private static func isIndex(_ rest: Substring) -> Bool {
    rest.first == "[" && rest.dropFirst().first?.isNumber == true
      && MemberPath(String(rest.prefix { $0 != "]" }) + "]") != nil
  }

  private static func isName(_ text: String) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return !text.contains { $0.isWhitespace } && parts.allSatisfy { !$0.isEmpty }
  }

  /// The path from a variable on; nil where another one is meant.
  func path(from variable: String) -> MemberPath? {
    readings.first { $0.name.matches(variable) }?.path
  }

  /// What is offered where no global has the name: those whose names begin or contain what the user
  /// typed, or else the first ones.
  func near(_ all: [String]) -> [String] {
    let names = Set(all).sorted()
    let start = text.prefix { $0.isLetter || $0.isNumber || $0 == "_" }.lowercased()
    let short = String(start.prefix(3))
    let near = names.filter { name in
      let name = name.lowercased()
      return !short.isEmpty && (name.contains(short) || start.contains(name))
    }
    return Array((near.isEmpty ? names : near).prefix(8))
  }
}
