import GuestScopeGuestMemory

/// `struct rb_root` of include/linux/rbtree_types.h.
public struct RBRoot: KernelStruct {
  public static let kernelName = "rb_root"
  let rbNode = Member<KernelVirtualAddress>("rb_node")

  public init() {}
}

/// `struct rb_node` of include/linux/rbtree_types.h.
struct RBNode: KernelStruct {
  static let kernelName = "rb_node"
  let parentColor = Member<UInt64>("__rb_parent_color")
  let rbLeft = Member<KernelVirtualAddress>("rb_left")
  let rbRight = Member<KernelVirtualAddress>("rb_right")
}

/// The kernel's red-black tree (include/linux/rbtree.h): elements in an order, linked by a
/// `struct rb_node` that is one of their members.
///
/// Each node must name the node above it as its parent: a tree that contradicts itself can neither
/// loop nor lead to the same element twice.
public struct RBTree<Element: KernelStruct> {
  /// Where to look for a key from an element on.
  public enum Side: Sendable {
    case left, here, right
  }

  /// A node, and how it was found.
  private struct Position {
    var node: KernelVirtualAddress
    var parent: KernelVirtualAddress
    /// 1 for the topmost node; below node n are 2n on the left and 2n + 1 on the right.
    var number: UInt64

    /// The kernel's trees are balanced: one of 2^31 elements has at most 62 levels.
    var isTooDeep: Bool { number >> 62 != 0 }
  }

  private let root: KernelObject<RBRoot>
  private let member: KeyPath<Element, Place>

  /// - Parameter member: of the elements, the `rb_node` that links them.
  public init(_ root: KernelObject<RBRoot>, of member: KeyPath<Element, Place>) {
    (self.root, self.member) = (root, member)
  }

  private var top: Position {
    Position(node: root.rbNode, parent: KernelVirtualAddress(0), number: 1)
  }

  /// The element that a comparison leads to (`rb_find()`); nil when there is none. It costs a wave
  /// a level.
  ///
  /// - Throws: `Unreadable.Reason.corrupt` for a damaged node on the way.
  public func find(
    _ compare: (KernelObject<Element>) -> Side
  ) throws(ReadFault) -> KernelObject<Element>? {
    var position = top
    while position.node.rawValue != 0 {
      let (links, element) = try root.view.together(links(of: position), element(at: position))
      switch compare(element) {
      case .left: position = links.left
      case .here: return element
      case .right: position = links.right
      }
    }
    return nil
  }

  /// What `body` makes of the elements, in their order.
  ///
  /// Both sides of a node are read together: the walk costs a wave a level, and not one an element.
  /// A node is an object of the view, and what is below it nests in it. One that is damaged is
  /// left out, counted and named, with what hangs on it; an element that `body` cannot read takes
  /// no other with it.
  ///
  /// - Parameter noun: what messages call an element.
  public func compactMap<T>(
    _ noun: String, _ body: (KernelObject<Element>) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    var values: [T] = []
    try visit(top, noun, into: &values, body)
    return values
  }

  private func visit<T>(
    _ position: Position, _ noun: String, into values: inout [T],
    _ body: (KernelObject<Element>) throws(ReadFault) -> T?
  ) throws(ReadFault) {
    guard position.node.rawValue != 0 else { return }
    let key = ObjectKey("\(noun) node", id: position.number, at: position.node)
    // The values of a node are those of its object: a part of a snapshot is settled with them.
    let found = try root.view.object(key) { () throws(ReadFault) -> [T] in
      var (links, found): ((left: Position, right: Position)?, [T]) = (nil, [])
      do throws(ReadFault) { links = try self.links(of: position) } catch {
        guard case .miss = error else { throw error }
      }
      if let links { try visit(links.left, noun, into: &found, body) }
      let own = ObjectKey(noun, id: position.number, at: position.node)
      let value = try root.view.object(own) { () throws(ReadFault) in
        try body(try element(at: position))
      }
      if let value, let value { found.append(value) }
      guard let links else { throw .miss }
      try visit(links.right, noun, into: &found, body)
      return found
    }
    values += found ?? []
  }

  private func links(
    of position: Position
  ) throws(ReadFault) -> (left: Position, right: Position) {
    guard !position.isTooDeep else {
      throw .corrupt("a red-black tree that is too deep", at: position.node)
    }
    let node = try root.walk.read(RBNode.self, at: position.node)
    // rb_parent(): the two lowest bits hold the colour.
    guard node.parentColor & ~3 == position.parent.rawValue else {
      throw .corrupt("a node of a red-black tree with another parent", at: position.node)
    }
    func below(_ node: KernelVirtualAddress, _ side: UInt64) -> Position {
      Position(node: node, parent: position.node, number: 2 * position.number + side)
    }
    return (below(node.rbLeft, 0), below(node.rbRight, 1))
  }

  private func element(at position: Position) throws(ReadFault) -> KernelObject<Element> {
    let layout = try root.walk.layout(of: Element.self)
    let offset = layout.members[keyPath: member].place!.offset
    return try root.walk.read(layout, at: position.node + -offset)
  }
}
