import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// The contents of maps that were read in parts, each in a snapshot of its own: a walk over a large map
/// that begins again for each stop would take longer and longer.
struct MapReading {
  var maps: [MapContents]
  private(set) var unreadable: [UnreadableObject]
  /// What is missing besides.
  private(set) var missing: [String] = []
  /// The instants that the entries are from.
  private(set) var stops: Int
  /// What the kernel counted of each map's entries, at the beginning and at the end.
  private var counts: [UInt64: [Int]] = [:]

  private init(_ first: Snapshot<[MapContents]>) {
    (maps, unreadable, stops) = (first.value, first.unreadable, first.stops)
    for map in maps { count(map) }
  }

  private mutating func count(_ contents: MapContents) {
    guard let count = contents.ownCount else { return }
    counts[contents.map.id, default: []].append(count)
  }

  /// Reads all parts of all maps. Ctrl-C ends it with those that are there.
  ///
  /// - Throws: when not even the first part can be read.
  static func all(_ query: MapContentsQuery, in session: Session) throws -> MapReading {
    var query = query
    query.part = .init(from: 0)
    let first = try session.ofThisBoot { try session.bpf(of: $0).contents(query) }
    var reading = MapReading(first)
    try session.interrupts.withCancelling {
      for index in reading.maps.indices where reading.maps[index].slots?.next != nil {
        guard try reading.readRest(of: index, query, in: session) else { return }
      }
    }
    return reading
  }

  /// - Returns: false when it was interrupted.
  private mutating func readRest(
    of index: Int, _ query: MapContentsQuery, in session: Session
  ) throws -> Bool {
    let map = maps[index].map
    var query = query
    query.objects.ids = [map.id]
    while let slot = maps[index].slots?.next {
      query.part = .init(from: slot)
      let part: Snapshot<[MapContents]>
      do {
        part = try session.ofThisBoot { try session.bpf(of: $0).contents(query) }
      } catch let error as any GuestFailure where error.sourceKind == .interrupted {
        interrupt(in: index)
        return false
      }
      unreadable += part.unreadable
      stops += part.stops
      guard let more = part.value.first, more.slots?.all == maps[index].slots?.all else {
        missing.append("map \(map.id) went away while it was read")
        return true
      }
      maps[index].entries += more.entries
      maps[index].slots = more.slots
      count(more)
    }
    return true
  }

  private mutating func interrupt(in index: Int) {
    let (map, slots) = (maps[index].map, maps[index].slots)
    let noun = map.typeName?.contains("array") == true ? "elements" : "buckets"
    missing.append(
      "interrupted: map \(map.id) was read up to \(slots?.next ?? 0) of \(slots?.all ?? 0) \(noun)")
    for other in maps[(index + 1)...] where other.slots?.next != nil {
      missing.append("map \(other.map.id) was not read to its end")
    }
  }

  /// Where the kernel counts other entries than were found, of a map that was read whole.
  var countRemarks: [String] {
    guard missing.isEmpty, unreadable.isEmpty else { return [] }
    return maps.compactMap { contents in
      let (found, id) = (contents.entries.count, contents.map.id)
      guard let counts = counts[id], let least = counts.min(), let most = counts.max(),
        !(least...most).contains(found)
      else { return nil }
      let counted = least == most ? "\(least)" : "\(least) to \(most)"
      return "map \(id) counts \(counted) entries, and \(found) were found: it changes"
    }
  }
}
