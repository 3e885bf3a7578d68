import GuestScopeBTF
import GuestScopeGuestMemory

/// Objects that a circular `struct list_head` links, one of their members
/// (include/linux/list.h).
public struct KernelList: Sendable {
  /// Elements that are walked; a longer list is cut.
  public static let limit = 4096

  /// What a walk came to.
  public struct Walk<T> {
    /// In the list's order; nil for an element that could not be read.
    public var elements: [(object: UntypedObject, value: T?)] = []
    /// The list goes on after the last of them.
    public var isCut = false
  }

  private let btf: BTF
  private let type: BTF.TypeID
  private let chain: Chain
  /// The elements begin with what looks like the head of a list: the links of another one.
  private let beginsWithLinks: Bool

  /// - Parameters:
  ///   - type: of the elements.
  ///   - noun: what messages call one: `task_struct`.
  ///   - link: the path of the member that links them: `tasks`.
  /// - Throws: a `BTFError` when that is not a `struct list_head` of the element itself.
  public init(
    _ btf: BTF, of type: BTF.TypeID, noun: String, link path: MemberPath
  ) throws(BTFError) {
    (self.btf, self.type) = (btf, type)
    let route = try btf.route(path, from: type)
    guard route.pointers.isEmpty, route.bits == nil,
      try btf.name(of: try btf.resolve(route.type)) == "list_head",
      let next = try btf.field("next", in: try btf.resolve(route.type)),
      let prev = try btf.field("prev", in: try btf.resolve(route.type))
    else {
      throw .otherType(
        path: "\(path)", structName: noun, found: try btf.declaration(of: route.type),
        expected: "a struct list_head of its own")
    }
    chain = Chain(noun: noun, link: route.offset, next: next.offset, prev: prev.offset)
    beginsWithLinks = try btf.beginsWithLinks(type)
  }

  /// What `body` makes of the elements. Each is an object of the view: a damaged one is counted and
  /// named, and the walk goes on after it as long as its link can be read.
  ///
  /// The walk costs a wave an element: a snapshot of it needs a `waveLimit` above `limit`.
  ///
  /// - Parameter address: of an element, with which the walk then begins, or of the list's head,
  ///   which is none of them. It is a head's where a neighbour leads back to it as one, unless the
  ///   elements begin with the links of another list: those say nothing of a head.
  /// - Throws: `ReadFault.missing` when neither is part of a list.
  public func map<T>(
    at address: KernelVirtualAddress, in view: MemoryView,
    _ body: (UntypedObject) throws(ReadFault) -> T
  ) throws(ReadFault) -> Walk<T> {
    let isElement = try isElement(address, in: view)
    let start = isElement ? address + chain.link : address
    var course = Chain.Course(most: Self.limit)
    let elements = try chain.follow(
      isElement ? start : try view.pointer(at: start + chain.next), from: isElement ? nil : start,
      &course, in: view,
      // An element is the beginning of its list, and not yet the end of it.
      isEnd: { node, position throws(ReadFault) in
        try chain.leads(node, to: start) && !(isElement && position == 0)
      },
      { element throws(ReadFault) in try body(object(at: element)) })
    return Walk(
      elements: elements.map { (object(at: $0.address), $0.value) }, isCut: course.isCut)
  }

  private func object(at address: KernelVirtualAddress) -> UntypedObject {
    UntypedObject(btf, type: type, at: address)
  }

  private func isElement(
    _ address: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) -> Bool {
    // Heads are often neighbours in memory: what lies `link` bytes after one may be another.
    let isHeadLikely = chain.link == 0 || !beginsWithLinks
    for isElement in isHeadLikely ? [false, true] : [true, false]
    where try isLinked(isElement ? address + chain.link : address, in: view) {
      return isElement
    }
    throw .missing(
      "there is neither a \(chain.noun) in a list at \(address) nor the list_head of a list: no "
        + "neighbour leads back to it", at: address)
  }

  /// True when a neighbour leads back; one of them may be damaged.
  private func isLinked(
    _ node: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) -> Bool {
    var misses = false
    let (next, prev) = (chain.next, chain.prev ?? chain.next)
    for (there, back) in [(next, prev), (prev, next)] {
      do throws(ReadFault) {
        if try view.pointer(at: try view.pointer(at: node + there) + back) == node { return true }
      } catch {
        // What is not mapped is in no list.
        if case .miss = error { misses = true } else if case .stepLimit = error { throw error }
      }
    }
    if misses { throw .miss }
    return false
  }
}

extension BTF {
  /// True when objects of a type begin with a `list_head` or a `hlist_node`, which has the same form.
  fileprivate func beginsWithLinks(_ type: TypeID) throws(BTFError) -> Bool {
    var steps = 1 << 10
    return try beginsWithLinks(type, &steps)
  }

  private func beginsWithLinks(_ type: TypeID, _ steps: inout Int) throws(BTFError) -> Bool {
    let resolved = try resolve(type)
    if ["list_head", "hlist_node"].contains(try name(of: resolved)) { return true }
    for member in try members(of: resolved) ?? [] where member.bitOffset == 0 {
      steps -= 1
      guard steps > 0 else { throw .tooDeep(id: type) }
      if try beginsWithLinks(member.type, &steps) { return true }
    }
    return false
  }
}
