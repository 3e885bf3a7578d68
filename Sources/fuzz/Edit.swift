import GuestScopeGuestMemory

/// One change of a word of a guest's memory, or of a register, as an input says it.
struct Edit {
  /// Bytes of an input that are one edit: a place, a kind, a number.
  static let size = 13
  /// More leave little of a guest.
  static let limit = 8

  private let place: Int
  private let kind: UInt8
  private let number: UInt64

  static func all(of bytes: ArraySlice<UInt8>) -> [Edit] {
    stride(from: bytes.startIndex, through: bytes.endIndex - size, by: size).prefix(limit).map {
      at in
      func number(_ range: Range<Int>) -> UInt64 {
        bytes[at + range.lowerBound..<at + range.upperBound].reversed().reduce(0) {
          $0 << 8 | UInt64($1)
        }
      }
      return Edit(place: Int(number(0..<4)), kind: bytes[at + 4], number: number(5..<13))
    }
  }

  /// - Parameters:
  ///   - places: of words that the walk of the undamaged guest has read.
  ///   - registers: those that it may be of in place of a word.
  ///   - pointers: values of such words.
  func apply(
    to guest: Replay, _ places: [UInt64], _ registers: [RegisterKey], _ pointers: [UInt64]
  ) {
    // Half of the edits, where there are any.
    if kind >= 128, !registers.isEmpty {
      let register = registers[place % registers.count]
      guest.change(register) { changed($0, at: $0, pointers) }
    } else {
      let address = places[place % places.count]
      guest.change(wordAt: address) { changed($0, at: address, pointers) }
    }
  }

  private func changed(_ old: UInt64, at address: UInt64, _ pointers: [UInt64]) -> UInt64 {
    switch kind % 10 {
    case 0: old ^ 1 << (number & 63)
    case 1: old & ~(0xff << (number & 56)) | (number >> 56) << (number & 56)
    case 2: number
    case 3: [0, 1, 2, .max, .max - 1, .max - 7, 1 << 63, 1 << 47][Int(number & 7)]
    case 4: old &+ (number & 0xfff) &- 0x800
    // Pointers among each other: cycles, wrong types.
    case 5, 6: pointers[Int(number % UInt64(pointers.count))]
    // A page-table entry of its own table.
    case 7: address & ~0xfff | old & 0xfff | 1
    case 8: old & 0xffff_ffff | number << 32
    default: old & ~0xffff_ffff | number & 0xffff_ffff
    }
  }
}
