import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_map`: the functions of its type.
private struct BPFMapOperations: KernelStruct {
  static let kernelName = "bpf_map"
  let ops = Member<KernelVirtualAddress>("ops")
}

/// Reads the entries of one map. Each family of types has a file of its own.
struct MapReader {
  let map: KernelObject<BPFMapStruct>
  let head: MapHead
  let query: MapContentsQuery

  var walk: Walk { map.walk }
  var view: MemoryView { map.view }
  /// What is left of it when the entries of the parts before have gone through it.
  var window: EntryWindow { query.window.dropping(query.part?.entriesBefore ?? 0) }
  var type: String { head.typeName ?? "" }
  var keySize: Int { Int(head.keySize) }
  var valueSize: Int { Int(head.valueSize) }

  init(_ map: KernelObject<BPFMapStruct>, _ head: MapHead, _ query: MapContentsQuery) {
    (self.map, self.head, self.query) = (map, head, query)
  }

  /// A key or a value of more bytes than this is garbage. The limit of all types but arrays is
  /// KMALLOC_MAX_SIZE of include/linux/slab.h or less, and MAX_PAGE_ORDER is at most 13 as kernels are shipped.
  private var mostBytes: Int { type == "array" ? Int(Int32.max) : walk.kernel.pageSize << 13 }

  /// A larger value of an array, as of global variables, is not read: all of it would be of one stop.
  private static let mostBytesShown = 16 << 20

  func contents() throws(ReadFault) -> MapContents {
    var contents = MapContents(map: head, entries: [], refusal: nil, types: nil)
    guard keySize <= mostBytes, valueSize <= mostBytes else {
      throw .corrupt(
        "a map with keys of \(keySize) and values of \(valueSize) bytes", at: map.address)
    }
    let (types, entries, count) = try view.together(
      query.wantsTypes ? wantedTypes() : nil, entries(), query.wantsCount ? ownCount() : nil)
    contents.types = types ?? nil
    contents.ownCount = count ?? nil
    contents.slots = try slots(found: entries?.count ?? 0)
    if let entries {
      contents.entries = hasIndices ? entries : window.entries(of: entries)
    } else {
      contents.refusal = try refusal()
    }
    return contents
  }

  /// Bytes that are shown as they are can do without their types.
  private func wantedTypes() throws(ReadFault) -> MapContents.ValueTypes? {
    do throws(ReadFault) { return try valueTypes() } catch {
      guard query.isRaw, case .unreadable = error else { throw error }
      return nil
    }
  }

  /// Nil for a type whose entries are not read. Of a map without indices, those before the window
  /// are there as well: only by counting them is it known where the window begins.
  func entries() throws(ReadFault) -> [MapEntry]? {
    if try isOffloaded || hasLargeValues { return nil }
    if let key = query.key { return try entry(of: key) }
    // These know the index of an entry before they read it.
    switch type {
    case "array": return try array()
    case "percpu_array": return try percpuArray()
    case "insn_array": return try insnArray()
    default: return try listed()
    }
  }

  /// Entries up to the end of the window, at least.
  func listed() throws(ReadFault) -> [MapEntry]? {
    switch type {
    case "prog_array", "array_of_maps": try objectArray()
    case "perf_event_array": try events()
    case "cgroup_array": try cgroups()
    case "hash", "lru_hash", "percpu_hash", "lru_percpu_hash", "hash_of_maps": try hash()
    case "lpm_trie": try trie()
    case "queue": try queue()
    case "stack": try stack()
    case "ringbuf", "user_ringbuf": try ring()
    case "stack_trace": try stackTraces()
    case "devmap": try devices()
    case "devmap_hash": try devicesByKey()
    case "cpumap": try cpuMap()
    case "xskmap": try xdpSockets()
    case "sockmap": try sockMap()
    case "sockhash": try sockHash()
    case "reuseport_sockarray": try reuseportArray()
    case "cgroup_storage", "percpu_cgroup_storage": try cgroupStorage()
    case "struct_ops": try structOps()
    case "rhash": try resizableHash()
    case "bloom_filter": try bloomFilter()
    case "arena": query.wantsPages ? try arenaPages() : nil
    case "sk_storage", "inode_storage", "task_storage", "cgrp_storage": try localStorage()
    default: nil
    }
  }

  private func refusal() throws(ReadFault) -> MapContents.Refusal {
    if try isOffloaded { return .offloaded }
    if type == "arena" { return .arena(pages: try arenaPageCount()) }
    if hasLargeValues { return .largeValues(bytes: valueSize) }
    return .unknownType(head.typeName ?? "\(head.type)")
  }

  private var hasLargeValues: Bool { type == "array" && valueSize > Self.mostBytesShown }

  /// `bpf_map_offload_map_alloc()` of kernel/bpf/offload.c makes arrays and hashes that are not of their type's
  /// structure.
  private var isOffloaded: Bool {
    get throws(ReadFault) {
      guard type == "array" || type == "hash",
        let ops = walk.kernel.symbols.address(of: "bpf_map_offload_ops")
      else { return false }
      return try map.read(as: BPFMapOperations.self).ops.rawValue == ops
    }
  }

  // MARK: What families share

  /// Refuses a number of elements that do not fit into the guest's memory.
  func admit(_ count: Int, of size: Int) throws(ReadFault) {
    let (bytes, isTooLarge) = count.multipliedReportingOverflow(by: max(size, 1))
    guard count >= 0, size >= 0, !isTooLarge, UInt64(bytes) <= view.ram.byteCount else {
      throw .corrupt("a map of \(count) elements of \(size) bytes", at: map.address)
    }
  }

  /// What each stretch of a map gives, until the window is full.
  ///
  /// - Parameters:
  ///   - isBounded: all stretches are of the window.
  ///   - read: nil for a stretch that is unreadable, or not read yet.
  func gather<Stretch>(
    _ stretches: some Sequence<Stretch>, isBounded: Bool = false,
    _ read: (Stretch) throws(ReadFault) -> [MapEntry]?
  ) throws(ReadFault) -> [MapEntry] {
    var entries: [MapEntry] = []
    var (known, unknown) = (0, 0)
    for stretch in stretches {
      if !isBounded, entries.count >= window.end { break }
      let found = try read(stretch)
      entries += found ?? []
      if found != nil, !view.hasMisses {
        known += 1
      } else {
        unknown += 1
        // Whoever wants few entries does not have all the others fetched.
        if !isBounded, window.limit != nil, unknown > max(16, known) { break }
      }
    }
    return entries
  }

  /// Stretches of indices of at most a page, at least one element each.
  static func stretches(of indices: Range<Int>, size: Int) -> [Range<Int>] {
    let step = max(1, 4096 / max(size, 1))
    return stride(from: indices.lowerBound, to: indices.upperBound, by: step).map {
      $0..<min($0 + step, indices.upperBound)
    }
  }

  /// A page of pointers, or less; nil for one that is unreadable.
  func pointers(
    _ noun: String, at array: KernelVirtualAddress, count: Int,
    _ read: (Int, KernelVirtualAddress) throws(ReadFault) -> MapEntry?
  ) throws(ReadFault) -> [MapEntry] {
    try admit(count, of: 8)
    return try gather(Self.stretches(of: try slots(ofPointers: count), size: 8)) {
      stretch throws(ReadFault) in
      let start = array + 8 * stretch.lowerBound
      let key = ObjectKey("\(noun)s from", id: UInt64(stretch.lowerBound), at: start)
      return try view.object(key) { () throws(ReadFault) in
        let bytes = try view.bytes(at: start, count: 8 * stretch.count)
        var entries: [MapEntry] = []
        for index in stretch {
          let pointer = KernelVirtualAddress(bytes.u64(at: 8 * (index - stretch.lowerBound))!)
          guard pointer.rawValue != 0 else {
            if let entry = try read(index, pointer) { entries.append(entry) }
            continue
          }
          let key = ObjectKey(noun, id: UInt64(index), at: pointer)
          let entry = try view.object(key) { () throws(ReadFault) in try read(index, pointer) }
          if let entry = entry ?? nil { entries.append(entry) }
        }
        return entries
      }
    }
  }

  /// A value a CPU, at a per-CPU pointer.
  func perCPU(
    _ pointer: KernelVirtualAddress, _ hidden: HiddenFields
  ) throws(ReadFault) -> MapEntry.Value {
    .perCPU(
      try view.each(try walk.cpus) { cpu throws(ReadFault) in
        hidden.hiding(try view.bytes(at: cpu.address(of: pointer), count: valueSize))
      })
  }
}
