/// `1 program`, `2 programs`.
public func counted(_ count: some BinaryInteger, _ noun: String) -> String {
  count == 1 ? "1 \(noun)" : "\(count) \(noun.plural)"
}

extension String {
  fileprivate var plural: String {
    if hasSuffix("y") { return dropLast() + "ies" }
    return self + (hasSuffix("ch") ? "es" : "s")
  }
}
