import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A structure of the kernel that has an id in one of the tables of BPF objects.
public protocol NumberedStruct: KernelStruct {
  /// The table that it is in.
  static var table: ObjectTable.Kind { get }
  /// The id that is stored in the object.
  static func id(of object: KernelObject<Self>) throws(ReadFault) -> UInt32
  /// A number of the enumeration of the objects' types; nil for objects without types.
  static func type(of object: KernelObject<Self>) -> UInt32?
  /// Whether its declared members, and what they lead to but for per-CPU variables, stay as they are
  /// while it has its id.
  static var isLasting: Bool { get }
  /// Whether an object that lasts is still the one that was read. An address, a number and all that lasts
  /// may be another's where a guest was set back to an earlier state (`loadvm`), and went on from there
  /// in another way.
  static func isStill(_ object: KernelObject<Self>) throws(ReadFault) -> Bool
}

extension NumberedStruct {
  public static func type(of object: KernelObject<Self>) -> UInt32? { nil }
  public static var isLasting: Bool { false }
  public static func isStill(_ object: KernelObject<Self>) throws(ReadFault) -> Bool { true }
}

/// Which objects of a table to read; nil for all.
public struct ObjectQuery: Hashable, Sendable {
  public var ids: Set<UInt64>?
  /// Numbers of the enumeration of their types.
  public var types: Set<UInt32>?

  public init(ids: Set<UInt64>? = nil, types: Set<UInt32>? = nil) {
    (self.ids, self.types) = (ids, types)
  }

  /// Objects of one type; nil for all.
  public init(type: UInt32?) { types = type.map { [$0] } }
}

/// Objects of a table, and perhaps what the guest says of them all.
public protocol ObjectListing {
  associatedtype Object
  /// By ascending id.
  var objects: [Object] { get }
  /// How many objects are of another type than the query asks for.
  var otherTypes: Int { get }
}

/// What a table gave.
public struct ObjectList<Object>: ObjectListing {
  /// By ascending id.
  public var objects: [Object] = []
  /// How many objects are of another type than the query asks for.
  public var otherTypes = 0
}

/// `prog_idr`, `map_idr`, `link_idr` and `btf_idr` of kernel/bpf/syscall.c and btf.c: objects by
/// ascending id, each of which is read by itself, so that a damaged one takes no other with it.
public struct IDTable<Object: NumberedStruct>: Sendable {
  private let table: ObjectTable

  /// - Throws: `KernelError.symbolNotFound` for a kernel without the table, `KernelError.btf` for
  ///   one whose structures do not fit the declarations.
  public init(_ kernel: GuestKernel) throws(KernelError) {
    table = try ObjectTable(Object.table, kernel)
    do { _ = try kernel.layouts.layout(of: Object.self) } catch { throw .btf(error) }
  }

  static func prepared(for kernel: GuestKernel) throws(KernelError) -> Self {
    try kernel.prepared { () throws(KernelError) in try Self(kernel) }
  }

  private enum Found<T> {
    case object(T)
    case otherType
    /// It is not visible to user space yet, or not any more.
    case comingOrGoing
  }

  /// Reads the objects that a query asks for; one that is unreadable is left out, counted and named.
  public func list<T>(
    _ query: ObjectQuery = ObjectQuery(), in walk: Walk,
    _ read: (KernelObject<Object>) throws(ReadFault) -> T
  ) throws(ReadFault) -> ObjectList<T> {
    var list = ObjectList<T>()
    let found = try table.compactMap(
      query.ids, in: walk.view,
      check: { entries throws(ReadFault) in try checkNewest(of: entries, walk) },
      { entry throws(ReadFault) in
        try walk.view.object(table.key(of: entry)) { () throws(ReadFault) in
          try self.read(entry, query, walk, read)
        }
      })
    for case let found? in found {
      switch found {
      case .object(let object): list.objects.append(object)
      case .otherType: list.otherTypes += 1
      case .comingOrGoing: break
      }
    }
    return list
  }

  private func read<T>(
    _ entry: XArray.Entry, _ query: ObjectQuery, _ walk: Walk,
    _ read: (KernelObject<Object>) throws(ReadFault) -> T
  ) throws(ReadFault) -> Found<T> {
    let object = try object(entry, walk)
    if let types = query.types, let type = Object.type(of: object), !types.contains(type) {
      return .otherType
    }
    // Discovery, whose bytes are of many instants, goes on whatever the id is.
    guard walk.isSnapshot else { return .object(try read(object)) }
    let id = try Object.id(of: object)
    guard UInt64(id) != entry.index else { return .object(try read(object)) }
    guard id != 0 else { return .comingOrGoing }
    throw .corrupt("struct \(Object.kernelName) with another id, \(id)", at: entry.pointer)
  }

  /// Of the objects that are not read again, the one with the highest number is the newest: if it is still
  /// what it was, so are all that were there before it.
  private func checkNewest(of entries: [XArray.Entry], _ walk: Walk) throws(ReadFault) {
    guard Object.isLasting else { return }
    let newest = walk.view.newestOfEachGeneration(of: entries.reversed().lazy.map(table.key))
    _ = try walk.view.each(newest) { key throws(ReadFault) in try checkIsStill(key, walk) }
  }

  private func checkIsStill(_ key: ObjectKey, _ walk: Walk) throws(ReadFault) {
    let isStill: Bool
    do throws(ReadFault) {
      isStill = try Object.isStill(try walk.readLasting(Object.self, key))
    } catch {
      guard case .unreadable = error else { throw error }
      isStill = false
    }
    guard walk.isSnapshot, !isStill else { return }
    let what = "\(key) is not the one that it was: the guest was set back to an earlier state"
    throw .kernelChanged(what)
  }

  private func object(
    _ entry: XArray.Entry, _ walk: Walk
  ) throws(ReadFault) -> KernelObject<Object> {
    Object.isLasting
      ? try walk.readLasting(Object.self, table.key(of: entry))
      : try walk.read(Object.self, at: entry.pointer)
  }
}
