import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory

/// Where the members of `struct xa_node` are in this kernel.
public struct XArrayLayout: Hashable, Sendable {
  /// Of `struct xa_node`.
  public var shift: Int
  public var slots: Int
  /// XA_CHUNK_SIZE: entries of `slots`, 64, or 16 with CONFIG_BASE_SMALL.
  public var chunkSize: Int

  public init(shift: Int, slots: Int, chunkSize: Int) {
    self.shift = shift
    self.slots = slots
    self.chunkSize = chunkSize
  }

  public init(_ btf: BTF) throws(BTFError) {
    let slots = try btf.requiredField("slots", of: "xa_node")
    guard [16, 64].contains(slots.size / 8) else {
      throw .badSize(slots.size, path: "slots", structName: "xa_node")
    }
    self.init(
      shift: try btf.requiredField("shift", of: "xa_node").offset, slots: slots.offset,
      chunkSize: slots.size / 8)
  }
}

/// The kernel's `struct xarray` as include/linux/xarray.h and lib/xarray.c have it.
public struct XArray: Sendable {
  /// An entry that is there: a pointer, at its index.
  public struct Entry: Hashable, Sendable {
    public var index: UInt64
    public var pointer: KernelVirtualAddress
  }

  /// Of the objects of a view that are nodes.
  public static let nodeKind = "xa_node"
  /// Of entries that are not pointers.
  private static let entryKind = "xarray entry"

  public var layout: XArrayLayout
  /// `xa_head`: nil, the only entry, or a node.
  public var head: UInt64

  public init(_ layout: XArrayLayout, head: UInt64) {
    self.layout = layout
    self.head = head
  }

  /// What `body` makes of the occupied entries of a range, ascending.
  ///
  /// Time goes with the occupied slots, not with the indexes. A node is an object of the view, and
  /// what `body` reads nests in it. One that contradicts its place (wrong shift: a loop or garbage)
  /// is left out, counted and named; so is one that is not in RAM, and an entry that is not a pointer.
  ///
  /// - Parameter check: is called with all entries of each leaf node that has some of the range, after `body`;
  ///   what it reads belongs to the node.
  public func compactMap<T>(
    _ range: ClosedRange<UInt64>, in view: MemoryView,
    check: ([Entry]) throws(ReadFault) -> Void = { _ in },
    _ body: (Entry) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    if isNode(head) {
      return try visit(nodeAddress(head), shift: nil, base: 0, range, view, check, body)
    }
    guard range.contains(0), let pointer = try pointer(head, at: 0, view),
      let value = try body(Entry(index: 0, pointer: pointer))
    else { return [] }
    return [value]
  }

  /// - Parameter expected: the shift that the parent's implies: garbage can neither loop nor go
  ///   astray. Nil for the topmost node.
  private func visit<T>(
    _ node: KernelVirtualAddress, shift expected: Int?, base: UInt64, _ range: ClosedRange<UInt64>,
    _ view: MemoryView, _ check: ([Entry]) throws(ReadFault) -> Void,
    _ body: (Entry) throws(ReadFault) -> T?
  ) throws(ReadFault) -> [T] {
    let (shift, slots) = try view.together(
      Int(view.u8(at: node + layout.shift)),
      view.bytes(at: node + layout.slots, count: 8 * layout.chunkSize))
    guard shift == expected ?? shift, shift < 64 else {
      throw ReadFault.corrupt(
        "an xarray node with shift \(shift)" + (expected.map { ", not \($0)" } ?? ""), at: node)
    }
    func children() throws(ReadFault) -> [T] {
      var values: [T] = []
      for slot in 0..<layout.chunkSize {
        let index = base &+ UInt64(slot) << UInt64(shift)
        let last = index | (1 << UInt64(shift) - 1)
        guard index <= range.upperBound else { break }
        guard last >= range.lowerBound, let entry = slots.u64(at: 8 * slot), entry != 0 else {
          continue
        }
        if shift > 0, isNode(entry) {
          let child = shift - layout.chunkSize.trailingZeroBitCount
          let key = ObjectKey(Self.nodeKind, id: index, at: nodeAddress(entry))
          // One that is missing or unreadable takes nothing from its neighbours.
          let found = try view.object(key) { () throws(ReadFault) in
            try visit(key.address, shift: child, base: index, range, view, check, body)
          }
          values += found ?? []
        } else if range.contains(index), let pointer = try pointer(entry, at: index, view),
          let value = try body(Entry(index: index, pointer: pointer))
        {
          values.append(value)
        }
      }
      return values
    }
    guard shift == 0 else { return try children() }
    let pointers = (0..<layout.chunkSize).compactMap { slot -> Entry? in
      let index = base &+ UInt64(slot)
      guard let entry = slots.u64(at: 8 * slot), entry != 0, entry & 3 == 0 else { return nil }
      return Entry(index: index, pointer: KernelVirtualAddress(entry))
    }
    return try view.together(children(), check(pointers)).0
  }

  // Entries end in bits 1:0 = 10 when they are the xarray's own: small numbers for siblings,
  // retry (256) and zero (257) entries, addresses for nodes. Bit 0 marks a value, no pointer.

  /// xa_is_node(): an internal entry above 4096.
  private func isNode(_ entry: UInt64) -> Bool { entry & 3 == 2 && entry > 4096 }

  private func nodeAddress(_ entry: UInt64) -> KernelVirtualAddress {
    KernelVirtualAddress(entry - 2)
  }

  /// Nil for an entry that stands for none. Nobody puts values where pointers are: one is damage,
  /// as is a node where there is no room for one.
  private func pointer(
    _ entry: UInt64, at index: UInt64, _ view: MemoryView
  ) throws(ReadFault) -> KernelVirtualAddress? {
    let address = KernelVirtualAddress(entry)
    if entry & 3 == 0 { return entry == 0 ? nil : address }
    if entry & 3 == 2, entry <= 4096 { return nil }
    return try view.object(ObjectKey(Self.entryKind, id: index, at: address)) {
      () throws(ReadFault) in
      throw .corrupt("an entry that is not a pointer", at: address)
    }
  }
}
