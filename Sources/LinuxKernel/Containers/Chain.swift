import GuestScopeBTF
import GuestScopeGuestMemory

/// Objects that nodes inside of them link one to the next: the stepping that lists and the chains
/// of hash tables share.
struct Chain {
  /// What messages call an element.
  let noun: String
  /// Bytes from the start of an element to the node that links it.
  let link: Int
  /// Bytes from the start of a node to its pointer to the next one.
  let next: Int
  /// Bytes from the start of a node to its pointer to the one before, which has to lead back; nil
  /// where that is not looked at.
  var prev: Int?

  /// An element at its address; its value is nil if it could not be read.
  typealias Element<T> = (address: KernelVirtualAddress, value: T?)

  /// What the walk over all chains of one container has met.
  struct Course {
    /// More nodes than this are not walked.
    let most: Int
    var nodes: Set<KernelVirtualAddress> = []
    /// There are more.
    var isCut = false

    init(most: Int) { self.most = most }
  }

  /// What `body` makes of the elements of one chain.
  ///
  /// A node is an object of the view, and what `body` reads of its element nests in it. A damaged
  /// element is counted and named, and the walk goes on after it. A damaged pointer is counted, and
  /// the chain ends there: one that leads to a node that was met before, and one that `isEnd`
  /// refuses. A chain costs a wave a node, several chains a wave for a node of each of them.
  ///
  /// - Parameters:
  ///   - first: the pointer that the head has.
  ///   - head: what `prev` of the first node leads to; nil when that is not known.
  ///   - isEnd: true for a pointer that ends the chain, false for one to a node; gets the number of
  ///     nodes before it. Throws for a pointer that can be neither.
  func follow<T>(
    _ first: KernelVirtualAddress, from head: KernelVirtualAddress? = nil, _ course: inout Course,
    in view: MemoryView, isEnd: (KernelVirtualAddress, Int) throws(ReadFault) -> Bool,
    _ body: (KernelVirtualAddress) throws(ReadFault) -> T
  ) throws(ReadFault) -> [Element<T>] {
    var elements: [Element<T>] = []
    var (node, before) = (first, head)
    while true {
      let position = elements.count
      do throws(ReadFault) {
        if try isEnd(node, position) { return elements }
        if course.nodes.contains(node) { throw .corrupt(circle, at: node) }
      } catch {
        try count(error, at: node, position, in: view)
        return elements
      }
      guard course.nodes.count < course.most else {
        course.isCut = true
        return elements
      }
      course.nodes.insert(node)
      guard let found = try visit(node, position, in: view, body) else { return elements }
      if let before, let prev = found.prev, prev != before {
        try count(
          .corrupt("a link that does not lead back", at: node), at: node, position, in: view)
      }
      elements.append((node + -link, found.value))
      (node, before) = (found.next, node)
    }
  }

  /// True for the pointer that ends a circular list, for it leads back to the beginning.
  func leads(
    _ node: KernelVirtualAddress, to start: KernelVirtualAddress
  ) throws(ReadFault) -> Bool {
    guard node.rawValue != 0 else { throw .corrupt(circle, at: node) }
    return node == start
  }

  /// Counts the elements that a walk left out because there are too many.
  func countCut(
    _ course: Course, at address: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) {
    guard course.isCut else { return }
    try view.countCut("\(noun) chain", after: course.most, at: address)
  }

  private var circle: String {
    prev == nil
      ? "a chain that leads into itself or into another one"
      : "a list that does not lead back to its beginning"
  }

  private struct Visit<T> {
    var next: KernelVirtualAddress
    var prev: KernelVirtualAddress?
    var value: T?
  }

  /// Nil when the node cannot be read, or not yet. What hangs on it is read in the same stop, and a
  /// miss in there does not keep the walk from going on.
  private func visit<T>(
    _ node: KernelVirtualAddress, _ position: Int, in view: MemoryView,
    _ body: (KernelVirtualAddress) throws(ReadFault) -> T
  ) throws(ReadFault) -> Visit<T>? {
    try view.object(ObjectKey("\(noun) link", id: UInt64(position), at: node)) {
      () throws(ReadFault) in
      var links: (next: KernelVirtualAddress, prev: KernelVirtualAddress?)?
      do throws(ReadFault) {
        links = try view.together(view.pointer(at: node + next), back(of: node, in: view))
      } catch .miss {}
      let element = node + -link
      let value = try view.object(ObjectKey(noun, id: UInt64(position), at: element)) {
        () throws(ReadFault) in try body(element)
      }
      guard let links else { throw .miss }
      return Visit(next: links.next, prev: links.prev, value: value)
    }
  }

  private func back(
    of node: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) -> KernelVirtualAddress? {
    guard let prev else { return nil }
    return try view.pointer(at: node + prev)
  }

  /// Counts damage as an object that cannot be read; what was found before it stays.
  private func count(
    _ damage: ReadFault, at node: KernelVirtualAddress, _ position: Int, in view: MemoryView
  ) throws(ReadFault) {
    let key = ObjectKey("\(noun) chain", id: UInt64(position), at: node)
    let _: Void? = try view.object(key) { () throws(ReadFault) in throw damage }
  }
}
