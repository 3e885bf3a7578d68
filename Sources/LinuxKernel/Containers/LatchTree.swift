import GuestScopeGuestMemory

/// `struct latch_tree_root` of include/linux/rbtree_latch.h: two red-black trees of the same
/// elements, of which one rests while the kernel changes the other.
public struct LatchTreeRoot: KernelStruct {
  public static let kernelName = "latch_tree_root"
  /// A `seqcount_latch_t` since 5.10 (commit 80793c3471d9).
  let sequence = Member<UInt32>("seq.seqcount.sequence", "seq.sequence")
  let even = Link<RBRoot>("tree[0]")
  let odd = Link<RBRoot>("tree[1]")

  public init() {}
}

/// The members of an element that link it into the two trees: the `struct latch_tree_node`.
public struct LatchTreeNode<Element: KernelStruct> {
  let even: KeyPath<Element, Place>
  let odd: KeyPath<Element, Place>

  public init(_ even: KeyPath<Element, Place>, _ odd: KeyPath<Element, Place>) {
    (self.even, self.odd) = (even, odd)
  }
}

extension KernelObject<LatchTreeRoot> {
  /// The tree that rests, as `latch_tree_find()` chooses it.
  public func tree<Element>(
    of node: LatchTreeNode<Element>
  ) throws(ReadFault) -> RBTree<Element> {
    self.sequence & 1 == 0
      ? RBTree(try self.even, of: node.even) : RBTree(try self.odd, of: node.odd)
  }
}
