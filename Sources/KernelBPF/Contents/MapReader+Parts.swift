import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// Slots of a map that are read one after the other: elements of an array, also of one of
/// pointers, or buckets of a hash.
struct SlotsOfMap {
  /// Those that are asked for.
  var all: Range<Int>
  /// Bytes that a slot costs, about.
  var size: Int
  /// How many of them take as long as one object of the view. Of pointers most are NULL.
  var perObject = 1
}

extension MapReader {
  /// Nil for a map that is read as a whole.
  func partition() throws(ReadFault) -> SlotsOfMap? {
    switch type {
    case "array", "percpu_array", "insn_array":
      let isPlain = type != "percpu_array"
      let all = window.indices(of: Int(head.maxEntries))
      let size = Int(UInt64(valueSize).rounded(to: 8)) * (isPlain ? 1 : try walk.cpus.count)
      return SlotsOfMap(
        all: all, size: size, perObject: isPlain ? max(1, 4096 / max(size, 1)) : 1)
    case "hash", "lru_hash", "percpu_hash", "lru_percpu_hash", "hash_of_maps":
      let hash = try map.container(\BPFHashContents.map)
      let copies = type.contains("percpu_") ? try walk.cpus.count : 0
      return SlotsOfMap(
        all: 0..<Int(hash.nBuckets), size: Int(hash.elemSize) + valueSize * copies)
    case "prog_array", "array_of_maps", "perf_event_array", "cgroup_array", "devmap", "cpumap",
      "xskmap", "sockmap", "reuseport_sockarray":
      return SlotsOfMap(all: 0..<Int(head.maxEntries), size: 8, perObject: 8)
    case "stack_trace":
      let stacks = try map.container(\BPFStackContents.map)
      return SlotsOfMap(
        all: 0..<(try admit(buckets: stacks.nBuckets)), size: 8 + valueSize, perObject: 8)
    default: return nil
    }
  }

  /// The slots that are read this time.
  func part(of slots: SlotsOfMap) -> Range<Int> {
    guard let part = query.part else { return slots.all }
    let start = max(slots.all.lowerBound, part.firstSlot)
    let count = max(
      1, min(part.mostObjects * slots.perObject, part.mostBytes / max(slots.size, 1)))
    return (start..<start + count).clamped(to: slots.all)
  }

  /// The same of a map that has slots.
  func slotsToRead() throws(ReadFault) -> Range<Int> {
    try partition().map(part) ?? 0..<0
  }

  /// The window chooses slots, not the entries that are found in them.
  var hasIndices: Bool { ["array", "percpu_array", "insn_array"].contains(type) }

  /// - Parameter found: entries in the slots of this part.
  func slots(found: Int) throws(ReadFault) -> MapContents.Slots? {
    guard let slots = try partition() else { return nil }
    return MapContents.Slots(
      all: slots.all.upperBound, read: part(of: slots),
      entries: hasIndices ? 0 : (query.part?.entriesBefore ?? 0) + found,
      isEnough: !hasIndices && found >= window.end)
  }
}
