import GuestScopeGuestMemory

/// Lays out the kernel's xarrays: `struct xa_node` trees of 64 slots a node.
public struct XArrayBuilder {
  public let ram: RAMBuilder
  public let types: KernelTypes
  /// The virtual address of a physical one.
  public let virtual: (PhysicalAddress) -> UInt64

  public init(
    _ ram: RAMBuilder, _ types: KernelTypes, virtual: @escaping (PhysicalAddress) -> UInt64
  ) {
    (self.ram, self.types, self.virtual) = (ram, types, virtual)
  }

  /// What `xa_head` is for these entries, by index.
  public func head(_ entries: [UInt64: UInt64]) -> UInt64 {
    guard let last = entries.keys.max() else { return 0 }
    if last == 0 { return entries[0]! }
    var shift = 0
    while last >> UInt64(shift) >= 64 { shift += 6 }
    return node(entries, shift: shift, base: 0)
  }

  /// The entry of a new node: its address with bits 1:0 = 10.
  public func node(_ entries: [UInt64: UInt64], shift: Int, base: UInt64) -> UInt64 {
    var slots: [Int: UInt64] = [:]
    for (index, entry) in entries {
      let slot = Int((index - base) >> UInt64(shift))
      if shift == 0 {
        slots[slot] = entry
      } else if slots[slot] == nil {
        let first = base + UInt64(slot) << UInt64(shift)
        let inner = entries.filter { $0.key >= first && ($0.key - first) >> UInt64(shift) == 0 }
        slots[slot] = node(inner, shift: shift - 6, base: first)
      }
    }
    return node(shift: shift, slots: slots)
  }

  /// A node with any slots, garbage included.
  public func node(shift: Int, slots: [Int: UInt64]) -> UInt64 {
    let address = ram.allocate(576)
    ram.write(UInt8(shift), at: address + types["xa_node.shift"])
    ram.write(UInt8(slots.count), at: address + types["xa_node.count"])
    for (slot, entry) in slots { ram.write(entry, at: address + types["xa_node.slots"] + 8 * slot) }
    return virtual(address) | 2
  }
}
