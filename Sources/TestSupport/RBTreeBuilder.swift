import GuestScopeGuestMemory

/// Writes the links of red-black trees.
public struct RBTreeBuilder {
  public let ram: RAMBuilder
  public let types: KernelTypes
  /// The virtual address of a physical one.
  public let virtual: (PhysicalAddress) -> UInt64

  public init(
    _ ram: RAMBuilder, _ types: KernelTypes, virtual: @escaping (PhysicalAddress) -> UInt64
  ) {
    (self.ram, self.types, self.virtual) = (ram, types, virtual)
  }

  /// Declares `struct rb_root` and `struct rb_node`.
  public static func declare(in types: inout KernelTypes) {
    types.declare("rb_root", size: 8, [("rb_node", 0, .pointer)])
    types.declare(
      "rb_node", size: 24,
      [("__rb_parent_color", 0, .u64), ("rb_right", 8, .pointer), ("rb_left", 16, .pointer)])
  }

  /// Links nodes, in their order, and writes the root.
  public func link(_ nodes: [PhysicalAddress], root: PhysicalAddress) {
    ram.write(link(nodes[...], below: 0), at: root)
  }

  private func link(_ nodes: ArraySlice<PhysicalAddress>, below parent: UInt64) -> UInt64 {
    guard !nodes.isEmpty else { return 0 }
    let middle = (nodes.startIndex + nodes.endIndex) / 2
    let address = virtual(nodes[middle])
    write(
      nodes[middle], parent: parent, left: link(nodes[..<middle], below: address),
      right: link(nodes[(middle + 1)...], below: address))
    return address
  }

  public func write(_ node: PhysicalAddress, parent: UInt64, left: UInt64, right: UInt64) {
    // RB_BLACK is 1.
    ram.write(parent | 1, at: node + types["rb_node.__rb_parent_color"])
    ram.write(left, at: node + types["rb_node.rb_left"])
    ram.write(right, at: node + types["rb_node.rb_right"])
  }
}

extension RBTreeBuilder {
  /// Declares `struct latch_tree_root` and `struct latch_tree_node`, and what is in them.
  public static func declareLatched(in types: inout KernelTypes) {
    declare(in: &types)
    types.declare("seqcount", size: 4, [("sequence", 0, .u32)])
    types.declare("seqcount_latch_t", size: 4, [("seqcount", 0, .structure("seqcount"))])
    types.declare(
      "latch_tree_root", size: 24,
      [("seq", 0, .structure("seqcount_latch_t")), ("tree", 8, .structures("rb_root", 2))])
    types.declare("latch_tree_node", size: 48, [("node", 0, .structures("rb_node", 2))])
  }

  /// Links `latch_tree_node`s into the one of both trees that is read; the other one is garbage.
  public func latch(_ nodes: [PhysicalAddress], root: PhysicalAddress, sequence: UInt32 = 4) {
    let index = Int(sequence & 1)
    ram.write(sequence, at: root)
    ram.write(0xdead_beef as UInt64, at: root + (8 + 8 * (1 - index)))
    link(nodes.map { $0 + 24 * index }, root: root + (8 + 8 * index))
  }
}
