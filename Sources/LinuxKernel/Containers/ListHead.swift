import GuestScopeBTF
import GuestScopeGuestMemory

/// A node of a circular list, and its head.
private struct ListHead: LinkingStruct {
  static let kernelName = "list_head"
  let next = Member<KernelVirtualAddress>("next")
  let prev = Member<KernelVirtualAddress>("prev")
}

/// The kernel's `struct list_head` (include/linux/list.h).
extension Walk {
  /// What `body` makes of the elements of a circular list, in its order; nil leaves one out.
  ///
  ///     let modules = try walk.list(at: try walk.symbol("modules"), of: \ModuleStruct.list) {
  ///       module throws(ReadFault) in module.name
  ///     }
  ///
  /// Each element is an object of the view, and what `body` reads nests in it. A damaged one is
  /// counted and named, and takes no other with it, as long as its link can be read. So is a link
  /// that does not lead back, and what a long list has after `most` elements.
  ///
  /// A list costs a wave an element: prefer an xarray or an array where the kernel has one.
  ///
  /// - Parameters:
  ///   - head: the address of the list's head, which is none of the elements.
  ///   - member: the `struct list_head` by which the elements are linked.
  ///   - most: elements that are walked.
  ///   - layouts: those of a module whose structures the elements are; nil for the kernel's own.
  /// - Throws: when the head cannot be read.
  public func list<Outer: KernelStruct, T>(
    at head: KernelVirtualAddress, of member: KeyPath<Outer, Place>, most: Int = KernelList.limit,
    by layouts: StructLayouts? = nil, _ body: (KernelObject<Outer>) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    let outer = try layout(of: Outer.self, by: layouts)
    let chain = try chain(by: member, of: ListHead.self, leadingBackBy: \.prev, layouts)
    var course = Chain.Course(most: most)
    let elements = try chain.follow(
      try view.pointer(at: head + chain.next), from: head, &course, in: view,
      isEnd: { node, _ throws(ReadFault) in try chain.leads(node, to: head) },
      { address throws(ReadFault) in try body(try read(outer, at: address)) })
    try chain.countCut(course, at: head, in: view)
    return elements.compactMap { $0.value ?? nil }
  }

  /// The elements of a circular list, in its order.
  public func list<Outer: KernelStruct>(
    at head: KernelVirtualAddress, of member: KeyPath<Outer, Place>, most: Int = KernelList.limit
  ) throws(ReadFault) -> [KernelObject<Outer>] {
    try list(at: head, of: member, most: most) { $0 }
  }
}
