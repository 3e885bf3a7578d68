import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport

@testable import GuestScopeKernelLog

/// A guest with a log of 16 records and 256 bytes of text.
struct LogGuest {
  enum State: UInt64 { case reserved, committed, finalized, reusable }

  let guest: SyntheticGuest
  private let ring: PhysicalAddress
  private let descs: PhysicalAddress
  private let infos: PhysicalAddress
  private let text: PhysicalAddress
  /// Ids begin as those of the kernel do: so that they wrap early on.
  static let firstID: UInt64 = 1 << 62 - 4
  static let textSize: UInt64 = 256

  init(variable: String = "prb") {
    var types = KernelTypes.kernel(.linux6)
    types.declare("atomic_long_t", size: 8, [("counter", 0, .u64)])
    types.declare(
      "prb_data_blk_lpos", size: 16, [("begin", 0, .u64), ("next", 8, .u64)])
    types.declare(
      "prb_desc", size: 24,
      [
        ("state_var", 0, .structure("atomic_long_t")),
        ("text_blk_lpos", 8, .structure("prb_data_blk_lpos")),
      ])
    types.declare(
      "printk_info", size: 32,
      [
        ("seq", 0, .u64), ("ts_nsec", 8, .u64), ("text_len", 16, .u16), ("facility", 18, .u8),
        ("flags", 19, .u8), ("level", 20, .u8), ("caller_id", 24, .u32),
      ])
    types.declare(
      "prb_desc_ring", size: 48,
      [
        ("count_bits", 0, .u32), ("descs", 8, .pointer), ("infos", 16, .pointer),
        ("head_id", 24, .structure("atomic_long_t")), ("tail_id", 32, .structure("atomic_long_t")),
      ])
    types.declare("prb_data_ring", size: 32, [("size_bits", 0, .u32), ("data", 8, .pointer)])
    types.declare(
      "printk_ringbuffer", size: 96,
      [
        ("desc_ring", 0, .structure("prb_desc_ring")),
        ("text_data_ring", 48, .structure("prb_data_ring")),
      ])
    guest = SyntheticGuest(types)
    ring = guest.ram.allocate(96)
    descs = guest.ram.allocate(24 * 16)
    infos = guest.ram.allocate(32 * 16)
    text = guest.ram.allocate(Int(Self.textSize))
    guest.symbols[variable] = guest.dataOffset + 0x700
    guest.ram.write(guest.direct(ring), at: guest.place(variable))
    guest.ram.write(4 as UInt32, at: ring)
    guest.ram.write(guest.direct(descs), at: ring + 8)
    guest.ram.write(guest.direct(infos), at: ring + 16)
    guest.ram.write(8 as UInt32, at: ring + 48)
    guest.ram.write(guest.direct(text), at: ring + 56)
    setIDs(0...0)
  }

  /// Numbers of records, from 0 on.
  func setIDs(_ numbers: ClosedRange<UInt64>) {
    guest.ram.write(id(numbers.upperBound), at: ring + 24)
    guest.ram.write(id(numbers.lowerBound), at: ring + 32)
  }

  private func id(_ number: UInt64) -> UInt64 { (Self.firstID + number) & (1 << 62 - 1) }

  /// - Parameters:
  ///   - begin, next: where its block of text is, counted on and on.
  ///   - length: of its text; nil for all of it.
  ///   - owner: the record that the block says it belongs to.
  func write(
    _ number: UInt64, _ content: String, begin: UInt64, next: UInt64, state: State = .finalized,
    length: Int? = nil, level: UInt8 = 6, flags: UInt8 = 0, owner: UInt64? = nil
  ) {
    let slot = Int(id(number) & 15)
    let (desc, info) = (descs + 24 * slot, infos + 32 * slot)
    guest.ram.write(state.rawValue << 62 | id(number), at: desc)
    guest.ram.write(begin, at: desc + 8)
    guest.ram.write(next, at: desc + 16)
    guest.ram.write(number, at: info)
    guest.ram.write(number * 1_500_000_000, at: info + 8)
    let word = UInt32(length ?? content.utf8.count) | UInt32(flags) << 24
    guest.ram.write(word, at: info + 16)
    guest.ram.write(UInt32(level), at: info + 20)
    guest.ram.write(UInt32(number == 0 ? 1 << 31 : 42), at: info + 24)
    guard begin & 1 == 0 else { return }
    // A block that would not fit lies at the start.
    let start = begin / Self.textSize == (next - 1) / Self.textSize ? begin % Self.textSize : 0
    guest.ram.write(id(owner ?? number), at: text + Int(start))
    guest.ram.write(Array(content.utf8), at: text + Int(start) + 8)
  }

  func kernel(_ engine: SnapshotEngine) throws -> GuestKernel {
    try GuestKernel(try guest.image(), in: engine)
  }

  func log(_ query: LogQuery = LogQuery()) throws -> Snapshot<KernelLog> {
    let engine = SnapshotEngine(guest.memory)
    return try kernel(engine).snapshot(engine) { walk throws(ReadFault) in
      try walk.kernelLog(query)
    }
  }
}
