import GuestScopeBytes
import GuestScopeGuestMemory

/// A guest whose memory is damaged again and again, each time from the same good state.
public struct CorruptibleGuest {
  private let regions: [(start: UInt64, bytes: [UInt8])]
  private let registers: [RegisterKey: UInt64]
  /// Where the good guest was read: damage elsewhere would go unseen.
  private let places: [PhysicalRange]
  /// 8-byte words of the good guest that may be pointers or page-table entries.
  private let pointers: [UInt64]

  /// - Parameter places: what reading the good guest took.
  public init(_ memory: ByteBufferMemory, read places: [PhysicalRange]) throws(PhysicalReadError) {
    regions = try memory.ram.regions.map { region throws(PhysicalReadError) in
      let start = PhysicalAddress(region.lowerBound)
      return (start.rawValue, try memory.bytes(at: start, count: region.count))
    }
    registers = memory.registers
    self.places = places.filter { $0.count >= 8 && memory.ram.contains($0) }
    var pointers: [UInt64] = []
    for place in self.places.prefix(4000) {
      let bytes = try memory.bytes(at: place.start, count: place.count)
      for offset in stride(from: 0, through: place.count - 8, by: 8) {
        if let word = bytes.u64(at: offset), word > 4096 { pointers.append(word) }
      }
    }
    self.pointers = pointers
  }

  /// The guest with some bytes, pointers or page-table entries changed.
  public func corrupted(using random: inout SplitMix) -> ByteBufferMemory {
    let memory = ByteBufferMemory(regions: regions, registers: registers)
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let place = places.randomElement(using: &random)!
      let last = UInt64(place.count - 8)
      let word = place.start + UInt64.random(in: 0...last, using: &random) / 8 * 8
      guard let old = try? memory.u64(at: word) else { continue }
      let new = damaged(old, at: word, using: &random)
      memory.write((0..<8).map { UInt8(truncatingIfNeeded: new >> (8 * $0)) }, at: word)
    }
    return memory
  }

  private func damaged(
    _ old: UInt64, at address: PhysicalAddress, using random: inout SplitMix
  ) -> UInt64 {
    let any = UInt64.random(in: 0 ... .max, using: &random)
    switch Int.random(in: 0..<9, using: &random) {
    case 0: return old ^ 1 << (any & 63)
    case 1: return old & ~(0xff << (any & 56)) | (any >> 56) << (any & 56)
    case 2: return any
    case 3:
      return [0, 1, 2, .max, .max - 1, .max - 7, 1 << 63, 1 << 47].randomElement(using: &random)!
    case 4: return old &+ (any & 0xfff) &- 0x800
    // Pointers among each other: cycles, wrong types.
    case 5, 6: return pointers.randomElement(using: &random) ?? 0
    // A page-table entry of its own table.
    case 7: return address.rawValue & ~0xfff | old & 0xfff | 1
    default: return old & 0xffff_ffff | any << 32
    }
  }
}
