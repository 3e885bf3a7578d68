import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_htab` of kernel/bpf/hashtab.c.
struct BPFHashContents: KernelStruct {
  static let kernelName = "bpf_htab"
  let map = Place("map")
  let buckets = Member<KernelVirtualAddress>("buckets")
  let elems = Member<KernelVirtualAddress>("elems")
  let nBuckets = Member<UInt32>("n_buckets")
  let elemSize = Member<UInt32>("elem_size")
  /// Since 4.20 (commit 96b3b6c9091d): what its hash function starts from.
  let hashrnd = Member<UInt32>("hashrnd")
}

/// `struct bucket` of kernel/bpf/hashtab.c, whose size depends on the kind of its lock.
private struct HashBucket: KernelStruct {
  static let kernelName = "bucket"
  let first = Member<KernelVirtualAddress>("head.first")
}

/// `struct htab_elem` of kernel/bpf/hashtab.c. The value follows the key, which is rounded up to
/// eight bytes.
private struct HashElement: KernelStruct {
  static let kernelName = "htab_elem"
  let hashNode = Place("hash_node")
  let key = Member<[UInt8]>("key")
}

/// The hashes of all types but rhash, in the order of `htab_map_get_next_key()`: bucket by bucket,
/// each chain from its head. Elements that are free are in no chain.
extension MapReader {
  /// BPF_F_NO_PREALLOC of include/uapi/linux/bpf.h.
  var isPreallocated: Bool { head.flags & 1 == 0 }

  /// Elements are read ahead up to so many bytes: their chains then cost no waves.
  private static let mostReadAhead = 16 << 20

  func hash() throws(ReadFault) -> [MapEntry] {
    let hash = try map.container(\BPFHashContents.map)
    let stride = try walk.size(of: HashBucket.self)
    try admit(try buckets(of: hash), of: stride)
    let hidden = try hiddenFields()
    // Outside of the elements, whose stops all need them.
    let cpus = try walk.cpus.count
    let most = Int(head.maxEntries) + cpus
    let ahead = most.multipliedReportingOverflow(by: Int(hash.elemSize))
    // The guide keeps them for the parts that follow.
    let isFirst = query.part.map { $0.firstSlot == 0 } ?? true
    if isFirst, isPreallocated, window.limit == nil, !ahead.overflow,
      ahead.partialValue <= Self.mostReadAhead
    {
      try view.prefetch(at: hash.elems, count: ahead.partialValue)
    }
    var left = most
    let stretches = Self.stretches(of: try slotsToRead(), size: stride)
    return try gather(stretches) { stretch throws(ReadFault) in
      let entries = try chains(of: hash, stretch, hidden, most: left)
      left = max(0, left - entries.count)
      return entries
    }
  }

  private func buckets(of hash: KernelObject<BPFHashContents>) throws(ReadFault) -> Int {
    try admit(buckets: hash.nBuckets)
  }

  /// The number of entries that there may be, rounded up to a power of two (`htab_map_alloc()`,
  /// `stack_map_alloc()`): more are damage, and would be read part by part for hours.
  func admit(buckets: UInt32) throws(ReadFault) -> Int {
    let entries = max(1, Int(head.maxEntries))
    guard buckets.nonzeroBitCount == 1, Int(buckets) / 2 < entries else {
      throw .corrupt("a \(type) of \(buckets) buckets for \(entries) entries", at: map.address)
    }
    return Int(buckets)
  }

  /// The entry with a key; nil when there is none. One bucket is read.
  func hashEntry(_ key: [UInt8]) throws(ReadFault) -> [MapEntry] {
    let hash = try map.container(\BPFHashContents.map)
    let buckets = try buckets(of: hash)
    let bucket = Int(key.jenkinsHash(initial: hash.hashrnd)) & (buckets - 1)
    let most = Int(head.maxEntries) + (try walk.cpus.count)
    return try chains(of: hash, bucket..<bucket + 1, try hiddenFields(), most: most, key: key)
  }

  /// - Parameter wanted: the only key whose value is read; nil for all.
  private func chains(
    of hash: KernelObject<BPFHashContents>, _ stretch: Range<Int>, _ hidden: HiddenFields,
    most: Int, key wanted: [UInt8]? = nil
  ) throws(ReadFault) -> [MapEntry] {
    let stride = try walk.size(of: HashBucket.self)
    let first = try walk.offset(of: \HashBucket.first) ?? 0
    let buckets = HashBuckets(
      at: hash.buckets + stride &* stretch.lowerBound + first, count: stretch.count,
      stride: stride)
    let (isPerCPU, isOfMaps) = (type.contains("percpu_"), type == "hash_of_maps")
    func marker(_ bucket: Int) -> UInt64 { UInt64(bucket + stretch.lowerBound) }
    return try walk.nullsLists(
      in: buckets, of: \HashElement.hashNode, most: most, marker: marker
    ) { element throws(ReadFault) in
      let start = element.address(of: \.key)!
      let valueAt = Int(UInt64(keySize).rounded(to: 8))
      let size = valueAt + (isPerCPU || isOfMaps ? 8 : valueSize)
      guard size <= Int(hash.elemSize) else {
        throw .corrupt("a hash with elements of \(hash.elemSize) bytes", at: hash.address)
      }
      let bytes = try view.bytes(at: start, count: size)
      let key = Array(bytes[..<keySize])
      if let wanted, wanted != key { return nil }
      if isPerCPU {
        let pointer = try perCPUPointer([keySize, valueAt].map { bytes.u64(at: $0)! }, at: start)
        return MapEntry(key: key, try perCPU(pointer, hidden))
      }
      guard isOfMaps else {
        return MapEntry(key: key, .bytes(hidden.hiding(Array(bytes[valueAt...]))))
      }
      let inner = KernelVirtualAddress(bytes.u64(at: valueAt)!)
      let (value, slot) = try innerMap(at: inner)
      return MapEntry(key: key, value, slot: slot)
    }
  }

  /// The per-CPU pointer of an element. Since 6.15 (commit 11ba7ce076e5, which stable kernels have too) it
  /// stands after the key rounded up to 8 bytes, before right after the key. No type says which: only the
  /// right one leads to memory on every CPU.
  private func perCPUPointer(
    _ candidates: [UInt64], at element: KernelVirtualAddress
  ) throws(ReadFault) -> KernelVirtualAddress {
    if candidates[0] == candidates[1] { return KernelVirtualAddress(candidates[0]) }
    let cpus = try walk.cpus
    for candidate in candidates where candidate.isMultiple(of: 8) {
      let pointer = KernelVirtualAddress(candidate)
      do throws(ReadFault) {
        for cpu in cpus {
          let address = cpu.address(of: pointer)
          guard address.rawValue >> 47 == 0x1ffff || address.rawValue >> 56 == 0xff else {
            throw .unreadable(Unreadable(.notMapped, at: address.rawValue))
          }
          _ = try view.translate(address)
        }
        return pointer
      } catch .unreadable {}
    }
    throw .corrupt("a per-CPU pointer that leads nowhere", at: element)
  }
}
