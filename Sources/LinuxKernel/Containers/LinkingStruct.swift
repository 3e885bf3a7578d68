import GuestScopeBTF
import GuestScopeGuestMemory

/// A structure that is embedded in others and links them: `list_head`, `hlist_node`.
protocol LinkingStruct: KernelStruct {
  var next: Member<KernelVirtualAddress> { get }
}

extension Walk {
  /// Where the nodes of a chain are in its elements.
  ///
  /// - Parameters:
  ///   - member: the node in an element.
  ///   - prev: the node's pointer back, if it is to be looked at.
  ///   - layouts: those of a module whose structures the elements are; nil for the kernel's own.
  /// - Throws: `Unreadable.Reason.lacking` where the member of this kernel is another structure:
  ///   several have a `next`, and each ends its chains in its own way.
  func chain<Outer: KernelStruct, Node: LinkingStruct>(
    by member: KeyPath<Outer, Place>, of node: Node.Type,
    leadingBackBy prev: KeyPath<Node, Member<KernelVirtualAddress>>? = nil,
    _ layouts: StructLayouts? = nil
  ) throws(ReadFault) -> Chain {
    let layouts = layouts ?? kernel.layouts
    let outer = try layout(of: Outer.self, by: layouts)
    let link = outer.members[keyPath: member]
    // The layout has every member that is required.
    let place = link.place!
    do throws(BTFError) {
      let name = try layouts.btf.name(of: place.target ?? .void)
      guard name == Node.kernelName else {
        throw .otherType(
          path: link.name, structName: Outer.kernelName, found: "a struct \(name)",
          expected: "a struct \(Node.kernelName)")
      }
    } catch {
      throw .unreadable(Unreadable(.lacking("\(error)"), at: 0))
    }
    let inner = try layout(of: Node.self, type: place.target, by: layouts).members
    return Chain(
      noun: Outer.kernelName, link: place.offset, next: inner.next.place!.offset,
      prev: prev.map { inner[keyPath: $0].place!.offset })
  }
}
