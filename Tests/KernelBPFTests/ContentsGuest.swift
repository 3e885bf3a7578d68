import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import TestSupport

/// A guest whose maps have contents.
struct ContentsGuest {
  let guest: SyntheticGuest

  init(ramBytes: Int = 1 << 20) {
    var types = KernelTypes.kernel(.linux6)
    let array: [(name: String, offset: Int, type: KernelTypes.Member)] = [
      ("map", 0, .structure("bpf_map")), ("elem_size", 256, .u32), ("value", 272, .bytes(0)),
    ]
    types.declare("bpf_array", size: 272, array)
    types.declare("hlist_nulls_node", size: 16, [("next", 0, .pointer), ("pprev", 8, .pointer)])
    types.declare("hlist_nulls_head", size: 8, [("first", 0, .pointer)])
    types.declare("bucket", size: 16, [("head", 0, .structure("hlist_nulls_head"))])
    types.declare(
      "htab_elem", size: 48,
      [
        ("hash_node", 0, .structure("hlist_nulls_node")), ("hash", 40, .u32),
        ("key", 48, .bytes(0)),
      ])
    types.declare(
      "bpf_htab", size: 320,
      [
        ("map", 0, .structure("bpf_map")), ("buckets", 256, .pointer), ("elems", 264, .pointer),
        ("n_buckets", 272, .u32), ("elem_size", 276, .u32), ("hashrnd", 280, .u32),
      ])
    types.declare(
      "bpf_queue_stack", size: 288,
      [
        ("map", 0, .structure("bpf_map")), ("head", 260, .u32), ("tail", 264, .u32),
        ("size", 268, .u32), ("elements", 272, .bytes(0)),
      ])
    types.declare(
      "lpm_trie", size: 304,
      [
        ("map", 0, .structure("bpf_map")), ("root", 256, .pointer), ("n_entries", 264, .u64),
        ("max_prefixlen", 272, .u64), ("data_size", 280, .u64),
      ])
    types.declare(
      "lpm_trie_node", size: 24,
      [
        ("child", 0, .pointers(2)), ("prefixlen", 16, .u32), ("flags", 20, .u32),
        ("data", 24, .bytes(0)),
      ]
    )
    types.declare(
      "bpf_ringbuf", size: 0x3000,
      [
        ("mask", 32, .u64), ("consumer_pos", 0x1000, .u64), ("producer_pos", 0x2000, .u64),
        ("data", 0x3000, .bytes(0)),
      ])
    types.declare(
      "bpf_ringbuf_map", size: 272,
      [("map", 0, .structure("bpf_map")), ("rb", 256, .pointerTo("bpf_ringbuf"))])
    types.declare(
      "bpf_stack_map", size: 272,
      [
        ("map", 0, .structure("bpf_map")), ("n_buckets", 264, .u32), ("buckets", 272, .pointers(0)),
      ])
    types.declare("stack_map_bucket", size: 16, [("nr", 12, .u32), ("data", 16, .words(0))])
    guest = SyntheticGuest(types, ramBytes: ramBytes)
  }

  /// - Parameter body: bytes of the map's own structure, by offset.
  @discardableResult
  func add(
    _ id: UInt64, type: UInt32, key: UInt32 = 4, value: UInt32, entries: UInt32, flags: UInt32 = 0,
    _ body: [Int: [UInt8]]
  ) -> PhysicalAddress {
    var map = SyntheticMap(id: id, name: "map\(id)")
    (map.type, map.keySize, map.valueSize) = (type, key, value)
    (map.maxEntries, map.flags) = (entries, flags)
    // What the structure has after its struct bpf_map.
    let place = guest.add(map)
    if let end = body.map({ $0.key + $0.value.count }).max(), end > 320 {
      _ = guest.ram.allocate(end - 320, alignment: 1)
    }
    for (offset, bytes) in body { guest.ram.write(bytes, at: place + offset) }
    return place
  }

  /// An array of elements of 8 bytes, whose element i is filled with i.
  func addArray(_ id: UInt64, count: Int, allocated: Int? = nil) {
    let elements = (0..<(allocated ?? count)).flatMap {
      [UInt8](repeating: UInt8($0 & 0xff), count: 8)
    }
    add(id, type: 2, value: 5, entries: UInt32(count), [256: word(8), 272: elements])
  }

  /// A stack_trace with a stack of one frame in every third bucket.
  func addStacks(_ id: UInt64, count: Int) {
    let buckets = (0..<count).flatMap { index -> [UInt8] in
      guard index % 3 == 0 else { return word(0 as UInt64) }
      let bucket = guest.ram.allocate(24)
      guest.ram.write(1 as UInt32, at: bucket + 12)
      guest.ram.write(UInt64(index), at: bucket + 16)
      return word(guest.direct(bucket))
    }
    add(
      id, type: 7, value: 16, entries: UInt32(count),
      [264: word(UInt32(count)), 272: buckets])
  }

  /// A hash of two buckets; each chain has its elements in order. The value is the key times ten.
  ///
  /// - Parameter markers: which bucket each chain ends as.
  @discardableResult
  func addHash(
    _ id: UInt64, chains: [[UInt32]], markers: [UInt64]? = nil, seed: UInt32 = 7,
    entries: UInt32 = 60
  ) -> PhysicalAddress {
    let elementSize = 64
    let elements = guest.ram.allocate(elementSize * Int(entries + 4))
    let buckets = guest.ram.allocate(16 * chains.count)
    var next = 0
    for (bucket, chain) in chains.enumerated() {
      var pointer = buckets + 16 * bucket
      for key in chain {
        let element = elements + elementSize * next
        next += 1
        guest.ram.write(guest.direct(element), at: pointer)
        guest.ram.write(key, at: element + 48)
        guest.ram.write(UInt64(key) * 10, at: element + 56)
        pointer = element
      }
      let marker = markers?[bucket] ?? UInt64(bucket)
      guest.ram.write(marker << 1 | 1, at: pointer)
    }
    return add(
      id, type: 1, value: 8, entries: entries,
      [
        256: word(guest.direct(buckets)), 264: word(guest.direct(elements)),
        272: word(UInt32(chains.count)), 276: word(UInt32(elementSize)), 280: word(seed),
      ])
  }

  func contents(_ query: MapContentsQuery = MapContentsQuery()) throws -> Snapshot<[MapContents]> {
    guest.writeIDR()
    return try guest.bpf().contents(query)
  }

  func entries(_ query: MapContentsQuery = MapContentsQuery()) throws -> [MapEntry] {
    try contents(query).value.first?.entries ?? []
  }
}

/// Lowest byte first.
func word(_ value: some FixedWidthInteger & BitwiseCopyable) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.append(littleEndian: value)
  return bytes
}
