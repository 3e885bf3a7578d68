import GuestScopeBTF

extension BTF {
  /// A member that has no members itself.
  struct Leaf {
    var path: String
    /// Its bits, counted from the start of the outermost structure.
    var bits: Range<Int>
  }

  /// Members of keys are fewer than this.
  private static let mostLeaves = 256

  /// The members without parts of a structure, and of those in it; none of any other type.
  func leaves(of type: TypeID) -> [Leaf] {
    var leaves: [Leaf] = []
    collect(type, "", offset: 0, depth: 0, &leaves)
    return leaves
  }

  private func collect(
    _ type: TypeID, _ path: String, offset: Int, depth: Int, _ leaves: inout [Leaf]
  ) {
    guard depth < 16, leaves.count < Self.mostLeaves else { return }
    for member in (try? members(of: type)) ?? [] {
      guard let place = try? place(of: member), leaves.count < Self.mostLeaves else { return }
      let name = text(member.name)
      let inner = [path, name].filter { !$0.isEmpty }.joined(separator: ".")
      let isWhole = place.bits == nil
      if isWhole, (try? members(of: place.type)) ?? nil != nil {
        collect(place.type, inner, offset: offset + place.offset, depth: depth + 1, &leaves)
      } else {
        leaves.append(Leaf(path: inner, bits: place.allBits.shifted(by: 8 * offset)))
      }
    }
  }
}

extension GuestScopeBTF.Field {
  /// Its bits, counted from the start of the outermost structure.
  var allBits: Range<Int> { (bits ?? 0..<8 * size).shifted(by: 8 * offset) }
}

extension Range<Int> {
  fileprivate func shifted(by distance: Int) -> Range<Int> {
    lowerBound + distance..<upperBound + distance
  }
}
