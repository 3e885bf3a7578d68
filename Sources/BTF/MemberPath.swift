/// The members on the way from a type to one of its parts, as C writes them: `.mm.pgd`, `->comm`,
/// `.cpus[2].name`. An arrow and a dot are the same: the types say where a pointer stands between.
public struct MemberPath: Hashable, Sendable {
  public enum Step: Hashable, Sendable {
    case member(String)
    case element(Int)
  }

  public var steps: [Step]

  public init(_ steps: [Step] = []) { self.steps = steps }

  /// Reads `.a.b[2]->c`; the first dot may be missing. Nil for anything else.
  public init?(_ text: String) {
    steps = []
    var rest = text.split(separator: "->", omittingEmptySubsequences: false)
      .joined(separator: ".")[...]
    if let first = rest.first, first != ".", first != "[" { rest = "." + rest }
    while let first = rest.popFirst() {
      switch first {
      case ".":
        let name = rest.prefix { $0 != "." && $0 != "[" }
        guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" })
        else { return nil }
        rest = rest.dropFirst(name.count)
        steps.append(.member(String(name)))
      case "[":
        guard let end = rest.firstIndex(of: "]"), let index = Self.index(rest[..<end]) else {
          return nil
        }
        rest = rest[rest.index(after: end)...]
        steps.append(.element(index))
      default: return nil
      }
    }
  }

  /// Decimal, or hexadecimal with `0x`; below 2^32, as the length of an array in a BTF is.
  private static func index(_ text: Substring) -> Int? {
    let isHex = text.hasPrefix("0x")
    return UInt32(isHex ? text.dropFirst(2) : text, radix: isHex ? 16 : 10).map(Int.init)
  }
}

extension MemberPath: CustomStringConvertible {
  /// As C writes it after an object's name and a dot: `mm.pgd`, `cpus[2].name`.
  public var description: String {
    let text = steps.map(\.description).joined()
    return text.first == "." ? String(text.dropFirst()) : text
  }
}

extension MemberPath.Step: CustomStringConvertible {
  public var description: String {
    switch self {
    case .member(let name): "." + name
    case .element(let index): "[\(index)]"
    }
  }
}
