import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// Maps that are read in parts, each in a snapshot of its own: a walk over a large map that begins
/// again for each stop would take longer and longer. No more than a part of each map is kept.
struct MapParts {
  /// The first part of each map.
  let maps: [MapContents]
  private(set) var unreadable: [UnreadableObject]
  /// What is missing besides.
  private(set) var missing: [String] = []
  /// The stops that the entries are from.
  private(set) var stops: Int
  /// The guest stood still all the time, so that all entries are of one instant.
  private var isFrozen: Bool
  /// Why no more can be read of any map.
  private var end: String?
  /// The connection is lost, with all that was learnt over it.
  private(set) var hasLostGuest = false
  private let query: MapContentsQuery
  private let session: Session
  /// Of the boot of the guest that the maps are from.
  private let engine: SnapshotEngine
  private var fruitless = FruitlessParts()
  /// How large parts are that take few stops here.
  private var mostObjects = 256

  /// Reads the first part of each map.
  init(_ query: MapContentsQuery, in session: Session) throws {
    var query = query
    query.part = .init(from: 0, mostObjects: mostObjects)
    let first = try session.ofThisBoot { try session.bpf(of: $0).contents(query) }
    (maps, unreadable, stops) = (first.value, first.unreadable, first.stops)
    isFrozen = first.consistency == .frozen
    (self.query, self.session, engine) = (query, session, try session.engine)
  }

  var isOfOneInstant: Bool { stops <= 1 || isFrozen }

  /// Gives each part of a map in its turn, until there are no more or `take` has enough and says so
  /// by false. Ctrl-C ends it between two parts.
  mutating func forEachPart(
    of map: MapContents, _ take: (MapContents) throws -> Bool
  ) throws {
    var count = EntryCount(of: map.map)
    var part = map
    count.add(part)
    while try take(part) {
      guard let next = part.slots?.next else {
        if missing.isEmpty, unreadable.isEmpty, query.window == EntryWindow() {
          countRemarks += [count.remark(isOfOneInstant: isOfOneInstant)].compactMap { $0 }
        }
        return
      }
      guard let more = try read(next, of: part) else { return }
      part = more
      count.add(part)
    }
  }

  /// Where the kernel counts other entries than were found, of maps that were read whole.
  private(set) var countRemarks: [String] = []

  /// Adds what is missing of what was asked for beside the entries.
  mutating func add(missing: [String]) { self.missing += missing }

  /// Nil when there is none: the reason is missing.
  private mutating func read(
    _ next: MapContentsQuery.Part, of map: MapContents
  ) throws -> MapContents? {
    let (id, slots) = (map.map.id, map.slots)
    let noun = map.map.typeName?.contains("hash") == true ? "buckets" : "elements"
    let place = "\(next.firstSlot) of \(slots?.all ?? 0) \(noun)"
    var query = query
    query.objects.ids = [id]
    query.part = next
    query.part?.mostObjects = mostObjects
    do {
      if session.interrupts.isCancelled { throw GuestMemError.interrupted }
      if let end {
        missing.append("map \(id) was read up to \(place): \(end)")
        return nil
      }
      let part = try session.ofThisBoot { try session.bpf(of: $0).contents(query) }
      guard try session.engine === engine else {
        end = "the guest was reset"
        missing.append("map \(id) was read up to \(place): the guest was reset")
        return nil
      }
      unreadable += part.unreadable
      stops += part.stops
      isFrozen = isFrozen && part.consistency == .frozen
      adapt(to: part.stops)
      guard let more = part.value.first, more.slots?.all == slots?.all else {
        missing.append("map \(id) went away while it was read")
        return nil
      }
      fruitless.add(entries: more.entries.count, unreadable: part.unreadable.count)
      guard fruitless.areTooMany else { return more }
      missing.append(
        "map \(id) is damaged: nothing could be read of \(fruitless.count) parts in a row, and "
          + "the rest, from \(place) on, was left out")
    } catch let error as any GuestFailure where error.sourceKind == .interrupted {
      missing.append("interrupted: map \(id) was read up to \(place)")
    } catch let error as any GuestFailure {
      hasLostGuest = error.losesGuest
      if error.isOfConnection { end = "\(error)" }
      missing.append("map \(id) was read up to \(place): \(error)")
    }
    return nil
  }
}

/// Parts in a row of which nothing could be read. A map with many of them has lost its memory, or a damaged
/// number says how large it is: to go on would take hours.
struct FruitlessParts {
  private(set) var count = 0

  mutating func add(entries: Int, unreadable: Int) {
    count = entries == 0 && unreadable > 0 ? count + 1 : 0
  }

  var areTooMany: Bool { count >= 16 }
}

extension MapParts {
  /// Stops that a part is to take: each walks all of the part, and each part reads the way to its map.
  private static let usualStops = 4

  private mutating func adapt(to stops: Int) {
    let fitting = mostObjects * Self.usualStops / max(stops, 1)
    mostObjects = min(max(fitting, mostObjects / 2, 32), mostObjects * 2, 8192)
  }
}

/// What the kernel counts of a map's entries, against those that are found.
private struct EntryCount {
  private let id: UInt64
  private var found = 0
  private var counted: [Int] = []

  init(of map: MapHead) { id = map.id }

  mutating func add(_ part: MapContents) {
    found += part.entries.count
    // All that matters are the least and the most of a thousand parts.
    if let count = part.ownCount {
      counted = [min(counted.first ?? count, count), max(counted.last ?? count, count)]
    }
  }

  /// Nil where they agree.
  func remark(isOfOneInstant: Bool) -> String? {
    guard let least = counted.first, let most = counted.last, !(least...most).contains(found) else {
      return nil
    }
    let counted = least == most ? "\(least)" : "\(least) to \(most)"
    return "map \(id) counts \(counted) entries, but \(found) were found"
      + (isOfOneInstant ? "" : ": it changed while it was read")
  }
}
