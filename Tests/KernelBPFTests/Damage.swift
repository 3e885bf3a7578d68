import GuestScopeGuestMemory
import TestSupport

/// A change of some bytes of a guest's memory.
struct Damage: CustomStringConvertible {
  private enum Kind: CaseIterable { case byte, bit, word, zeros, swap }

  private let kind: Kind
  /// Where it is, and for a swap where the other word is.
  private let places: [PhysicalAddress]
  private let count: Int
  private let any: UInt64

  /// - Parameter places: those of which one is damaged.
  init(to places: [PhysicalRange], using random: inout SplitMix) {
    let place = places.randomElement(using: &random)!
    let at = place.start + Int.random(in: 0..<place.count, using: &random)
    let word = PhysicalAddress(at.rawValue & ~3)
    kind = Kind.allCases.randomElement(using: &random)!
    any = random.next()
    switch kind {
    case .byte, .bit: (self.places, count) = ([at], 1)
    case .word: (self.places, count) = ([word], 4)
    case .zeros:
      let longest = [1, 8, 64, 4096].randomElement(using: &random)!
      (self.places, count) = ([at], min(longest, Int(place.end.rawValue - at.rawValue)))
    case .swap:
      // With its neighbour, or with any other.
      count = Bool.random(using: &random) ? 4 : 8
      let other = places.randomElement(using: &random)!
      let far = other.start + Int.random(in: 0..<other.count, using: &random)
      self.places = [
        word,
        Bool.random(using: &random) ? word + count : PhysicalAddress(far.rawValue & ~3),
      ]
    }
  }

  var description: String { "\(kind) of \(count) at \(places[0])" }

  func apply(to memory: ByteBufferMemory) {
    let old = places.compactMap { try? memory.bytes(at: $0, count: count) }
    // The place at the end of the last page.
    guard old.count == places.count else { return }
    switch kind {
    case .byte: memory.write([UInt8(truncatingIfNeeded: any)], at: places[0])
    case .bit: memory.write([old[0][0] ^ 1 << UInt8(any & 7)], at: places[0])
    case .word:
      memory.write((0..<4).map { UInt8(truncatingIfNeeded: any >> (8 * $0)) }, at: places[0])
    case .zeros: memory.write([UInt8](repeating: 0, count: count), at: places[0])
    case .swap:
      memory.write(old[1], at: places[0])
      memory.write(old[0], at: places[1])
    }
  }
}
