import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A BPF map and what is in it.
public struct MapContents: Sendable {
  public var map: MapHead
  /// In the order in which BPF_MAP_GET_NEXT_KEY lists them.
  public var entries: [MapEntry]
  /// Why the entries of this map are not read; nil where they are.
  public var refusal: Refusal?
  /// How many entries the kernel counts, in the same instant as what is read outside of entries; nil
  /// where it does not count them, or was not asked for it.
  public var ownCount: Int?
  /// Of a map that can be read in parts (`MapContentsQuery.part`); nil for any other.
  public var slots: Slots?
  /// What its values are made of; nil where the map has no types, or they were not asked for.
  public var types: ValueTypes?

  /// Elements of an array, also of one of pointers, or buckets of a hash.
  public struct Slots: Hashable, Sendable {
    /// One after the last that is asked for.
    public var all: Int
    public var read: Range<Int>
    /// Entries that were found in these and all before, in the window or not.
    public var entries: Int
    /// The window has all its entries.
    var isEnough = false
    /// What comes next; nil when this was the last.
    public var next: MapContentsQuery.Part? {
      guard read.upperBound < all, !read.isEmpty, !isEnough else { return nil }
      return .init(from: read.upperBound, entriesBefore: entries)
    }
  }

  public enum Refusal: Hashable, Sendable, CustomStringConvertible {
    /// So many pages are there; they are read when they are asked for.
    case arena(pages: Int)
    /// So many bytes are more than one stop may read.
    case largeValues(bytes: Int)
    /// A network device has the entries.
    case offloaded
    /// The word of bpftool, or the number of a type without one.
    case unknownType(String)

    public var description: String {
      switch self {
      case .arena(1): "1 page of the arena is populated"
      case .arena(let pages): "\(pages) pages of the arena are populated"
      case .largeValues(let bytes):
        "a value of \(bytes) bytes is too large to be shown as a whole; of global variables, var shows each"
      case .offloaded: "the entries are in the network device that the map is offloaded to"
      case .unknownType(let type): "the contents of a map of type \(type) are not read yet"
      }
    }
  }

  /// The BTF types of keys and values.
  public struct ValueTypes: Sendable {
    public var btf: BTF
    /// Nil where only values have a type.
    public var key: BTF.TypeID?
    public var value: BTF.TypeID
  }
}

/// Which entries of which maps to read.
public struct MapContentsQuery: Sendable {
  public var objects: ObjectQuery
  /// Chooses among them; the entries of others are not read.
  public var isWanted: @Sendable (MapHead) -> Bool
  public var window: EntryWindow
  /// The only key to read; nil for all.
  public var key: [UInt8]?
  /// Locks, timers and kernel pointers as they are in memory, where the system call hides them.
  public var isRaw: Bool
  public var wantsTypes: Bool
  public var wantsCount = false
  /// Which part to read of a map that has slots; nil for all. Of any other map all entries are read.
  public var part: Part?
  /// The pages of arenas; without it only how many there are.
  public var wantsPages: Bool
  /// By which files processes hold sockets.
  public var wantsFiles = false

  /// Slots of a map, from one on.
  public struct Part: Hashable, Sendable {
    public var firstSlot: Int
    /// Entries in the slots before, which the window of a hash counts.
    public var entriesBefore: Int
    /// About how many reads and bytes a part may cost; it has at least one slot.
    public var mostObjects: Int
    public var mostBytes: Int

    public init(
      from firstSlot: Int, entriesBefore: Int = 0, mostObjects: Int = 1024,
      mostBytes: Int = 4 << 20
    ) {
      (self.firstSlot, self.entriesBefore) = (firstSlot, entriesBefore)
      (self.mostObjects, self.mostBytes) = (mostObjects, mostBytes)
    }
  }

  public init(
    _ objects: ObjectQuery = ObjectQuery(), window: EntryWindow = EntryWindow(),
    key: [UInt8]? = nil, isRaw: Bool = false, wantsTypes: Bool = false, wantsPages: Bool = false,
    isWanted: @escaping @Sendable (MapHead) -> Bool = { _ in true }
  ) {
    (self.objects, self.isWanted, self.window) = (objects, isWanted, window)
    (self.key, self.isRaw) = (key, isRaw)
    (self.wantsTypes, self.wantsPages) = (wantsTypes, wantsPages)
  }
}

/// A stretch of a map's entries, in their order.
public struct EntryWindow: Hashable, Sendable {
  /// Entries that are left out before it.
  public var offset: Int
  /// Entries in it; nil for all that follow.
  public var limit: Int?

  public init(offset: Int = 0, limit: Int? = nil) { (self.offset, self.limit) = (offset, limit) }

  /// How many entries are enough.
  public var end: Int {
    limit.map { limit in
      let (sum, isTooLarge) = offset.addingReportingOverflow(limit)
      return isTooLarge ? .max : sum
    } ?? .max
  }

  /// The window over the entries that come after the first `count`.
  public func dropping(_ count: Int) -> EntryWindow {
    EntryWindow(
      offset: max(0, offset - count), limit: limit.map { max(0, $0 - max(0, count - offset)) })
  }

  /// Its indices in an array with `count` entries.
  func indices(of count: Int) -> Range<Int> {
    let end = min(end, count)
    return min(offset, end)..<end
  }

  /// Those of a whole map that lie in it.
  public func entries(of all: [MapEntry]) -> [MapEntry] { Array(all[indices(of: all.count)]) }
}

extension BPFObjects {
  /// The entries of maps, by the maps' ascending ids. Each map is an object of the snapshot, and so
  /// is each of its elements, or a page of them: a large map is read in several short stops.
  public func contents(
    _ query: MapContentsQuery
  ) throws(KernelError) -> Snapshot<[MapContents]> {
    let table = try IDTable<BPFMapStruct>.prepared(for: kernel)
    return try snapshot { walk throws(ReadFault) in
      let list = try table.list(query.objects, in: walk) { map throws(ReadFault) in
        let head = MapHead(map)
        return query.isWanted(head) ? try MapReader(map, head, query).contents() : nil
      }
      return list.objects.compactMap { $0 }
    }
  }
}
