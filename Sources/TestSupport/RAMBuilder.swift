import GuestScopeBytes
import GuestScopeGuestMemory

/// Guest RAM while a test lays it out: one region from a physical address on.
public final class RAMBuilder {
  public let base: UInt64
  public private(set) var bytes: [UInt8]
  private var next: UInt64

  /// - Parameters:
  ///   - count: bytes, a multiple of the page size.
  ///   - reserved: bytes at the start that `allocate` never gives out.
  public init(base: UInt64 = 0, count: Int, reserved: Int = 4096) {
    self.base = base
    bytes = [UInt8](repeating: 0, count: count)
    next = base + UInt64(reserved)
  }

  /// Free memory, all zeros.
  public func allocate(_ count: Int, alignment: UInt64 = 64) -> PhysicalAddress {
    next = (next + alignment - 1) / alignment * alignment
    defer { next += UInt64(count) }
    precondition(next + UInt64(count) <= base + UInt64(bytes.count), "the guest's RAM is full")
    return PhysicalAddress(next)
  }

  public func allocatePage() -> PhysicalAddress { allocate(4096, alignment: 4096) }

  public func write(_ new: [UInt8], at address: PhysicalAddress) {
    let offset = Int(address.rawValue - base)
    bytes.replaceSubrange(offset..<offset + new.count, with: new)
  }

  public func write<T: FixedWidthInteger & BitwiseCopyable>(
    _ value: T, at address: PhysicalAddress
  ) {
    var new: [UInt8] = []
    new.append(littleEndian: value)
    write(new, at: address)
  }

  /// Writes zeros over the page that holds an address.
  public func clearPage(of address: PhysicalAddress) {
    write([UInt8](repeating: 0, count: 4096), at: PhysicalAddress(address.rawValue & ~0xfff))
  }

  public func u64(at address: PhysicalAddress) -> UInt64 {
    bytes.u64(at: Int(address.rawValue - base))!
  }

  /// What was laid out so far, as a guest with so many vCPUs.
  public func memory(vcpus: [[String: UInt64]]) -> ByteBufferMemory {
    var registers: [RegisterKey: UInt64] = [:]
    for (cpu, values) in vcpus.enumerated() {
      for (name, value) in values { registers[RegisterKey(cpu: cpu, name: name)] = value }
    }
    return memory(registers: registers)
  }

  /// What was laid out so far, as a guest.
  public func memory(registers: [RegisterKey: UInt64] = [:]) -> ByteBufferMemory {
    ByteBufferMemory(bytes, base: base, registers: registers)
  }
}
