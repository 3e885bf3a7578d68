import GuestScopeBTF
import GuestScopeKernelImage

/// A global variable as a user names it, with a path of members after it: `nr_enqueued`,
/// `stats[2].cnt`, `ctx->lock`; the name may be a shell pattern, `nr_*`.
struct VarExpression {
  let text: String
  private let glob: Glob
  private let path: MemberPath

  /// - Returns: nil for what is not a path.
  init?(_ text: String) {
    let end = Self.pathStart(in: text)
    guard end > text.startIndex, let path = MemberPath(String(text[end...])) else { return nil }
    (self.text, self.path) = (text, path)
    glob = Glob(String(text[..<end]))
  }

  /// Where the name ends. `[a-z]` belongs to a pattern, and `[2]` to the path.
  private static func pathStart(in text: String) -> String.Index {
    text.indices.first { index in
      let rest = text[index...]
      guard rest.first == "[" else { return rest.first == "." || rest.hasPrefix("->") }
      return rest.dropFirst().first?.isNumber == true
        && MemberPath(String(rest.prefix { $0 != "]" }) + "]") != nil
    } ?? text.endIndex
  }

  /// The path from a variable on; nil where another one is meant.
  func path(from variable: String) -> MemberPath? { glob.matches(variable) ? path : nil }

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
