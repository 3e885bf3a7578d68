import GuestScopeBytes

/// Why a single physical read failed.
public enum PhysicalReadError: Error, Sendable, CustomStringConvertible {
  case absent(PhysicalRange, Absence)
  case source(GuestMemError)

  public var description: String {
    switch self {
    case .absent(let range, let absence): "cannot read \(range): \(absence)"
    case .source(let error): error.description
    }
  }
}

extension GuestMem {
  /// `count` bytes at a physical address; one sample, bounds-checked against the RAM map.
  public func bytes(
    at address: PhysicalAddress, count: Int
  ) throws(PhysicalReadError) -> [UInt8] {
    let range = PhysicalRange(address, count: count)
    let sample: Sample?
    do throws(GuestMemError) {
      if !ram.contains(range) { _ = try lookAgain() }
      sample = ram.contains(range) ? try self.sample(ranges: [range], registers: []) : nil
    } catch {
      throw .source(error)
    }
    guard let sample else { throw .absent(range, .outsideRAM) }
    switch sample.memory.first {
    case .success(let bytes) where bytes.count == count: return bytes
    case .failure(let absence): throw .absent(range, absence)
    default: throw .absent(range, Absence("the source answered with the wrong length"))
    }
  }

  public func u8(at address: PhysicalAddress) throws(PhysicalReadError) -> UInt8 {
    try bytes(at: address, count: 1)[0]
  }

  /// The little-endian 32-bit word at a physical address.
  public func u32(at address: PhysicalAddress) throws(PhysicalReadError) -> UInt32 {
    try bytes(at: address, count: 4).u32(at: 0)!
  }

  /// The little-endian 64-bit word at a physical address.
  public func u64(at address: PhysicalAddress) throws(PhysicalReadError) -> UInt64 {
    try bytes(at: address, count: 8).u64(at: 0)!
  }
}

extension Absence {
  /// The address is not in the guest's RAM map.
  public static let outsideRAM = Absence("outside the guest's RAM")
}
