import GuestScopeBytes
import GuestScopeGuestMemory

/// A CPU and where its per-CPU variables are.
public struct CPU: Hashable, Sendable {
  public var id: Int
  /// `__per_cpu_offset[id]`: what to add to a per-CPU pointer, modulo 2^64.
  public var offset: UInt64

  public init(id: Int, offset: UInt64) {
    self.id = id
    self.offset = offset
  }

  /// The CPU's copy of a per-CPU variable (`per_cpu_ptr` of include/linux/percpu-defs.h). The
  /// pointer may be any 64-bit number: only the sum is an address.
  public func address(of pointer: KernelVirtualAddress) -> KernelVirtualAddress {
    pointer + offset
  }

  /// All CPUs that have an area. An offset of 0 means none, but for CPU 0.
  ///
  /// - Parameter count: `nr_cpu_ids`; the array is longer, and what follows is junk.
  public static func all(
    at array: KernelVirtualAddress, count: Int, in view: MemoryView
  ) throws(ReadFault) -> [CPU] {
    all(in: try view.bytes(at: array, count: 8 * count))
  }

  static func all(in offsets: [UInt8]) -> [CPU] {
    (0..<offsets.count / 8).compactMap { id in
      let offset = offsets.u64(at: 8 * id) ?? 0
      return offset == 0 && id != 0 ? nil : CPU(id: id, offset: offset)
    }
  }
}
