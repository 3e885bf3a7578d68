import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport

/// What the containers of tests hold: it can be in one of each kind.
struct Item: KernelStruct {
  static let kernelName = "item"
  let number = Member<UInt32>("number")
  let list = Place("list")
  let hash = Place("hash")
  let nulls = Place("nulls")
  let rhash = Place("rhash")
}

/// A guest with items, each in a page of its own: none comes along with a read of another.
struct ContainerGuest {
  let guest: SyntheticGuest
  var limits = SampleLimits.none

  init() {
    var types = KernelTypes.kernel(.linux6)
    types.declare("list_head", size: 16, [("next", 0, .pointer), ("prev", 8, .pointer)])
    types.declare("hlist_node", size: 16, [("next", 0, .pointer), ("pprev", 8, .pointer)])
    types.declare("hlist_nulls_node", size: 16, [("next", 0, .pointer), ("pprev", 8, .pointer)])
    types.declare("rhash_head", size: 8, [("next", 0, .pointer)])
    types.declare(
      "bucket_table", size: 64,
      [
        ("size", 0, .u32), ("nest", 4, .u32), ("future_tbl", 48, .pointer),
        ("buckets", 64, .pointers(0)),
      ])
    types.declare("atomic_t", size: 4, [("counter", 0, .u32)])
    types.declare(
      "rhashtable", size: 128,
      [("tbl", 0, .pointerTo("bucket_table")), ("nelems", 104, .structure("atomic_t"))])
    types.declare(
      "item", size: 96,
      [
        ("number", 4, .u32), ("list", 16, .structure("list_head")),
        ("hash", 32, .structure("hlist_node")), ("nulls", 48, .structure("hlist_nulls_node")),
        ("rhash", 64, .structure("rhash_head")),
      ])
    guest = SyntheticGuest(types, ramBytes: 1 << 22)
  }

  /// LIST_POISON1 of include/linux/poison.h, which leads nowhere.
  static let poison: UInt64 = 0xdead_0000_0000_0100

  /// Memory of its own page, all zeros, and its address.
  func allocate(_ count: Int = 4096) -> UInt64 {
    guest.direct(guest.ram.allocate(count, alignment: 4096))
  }

  func write(_ word: UInt64, at address: UInt64) {
    guest.ram.write(word, at: guest.physical(address))
  }

  func write(_ word: UInt32, at address: UInt64) {
    guest.ram.write(word, at: guest.physical(address))
  }

  func items(_ numbers: Range<UInt32>) -> [UInt64] {
    numbers.map { number in
      let item = allocate()
      write(number, at: item + 4)
      return item
    }
  }

  /// Where the node of an item is: `list` and its like.
  func node(_ member: String, of item: UInt64) -> UInt64 {
    item + UInt64(guest.types["item.\(member)"])
  }

  /// Links items one to the next by a member.
  ///
  /// - Parameter end: what the last one has.
  /// - Returns: what the head has to have.
  func chain(_ items: [UInt64], by member: String, end: UInt64) -> UInt64 {
    var next = end
    for item in items.reversed() {
      write(next, at: node(member, of: item))
      next = node(member, of: item)
    }
    return next
  }

  func snapshot<T>(
    _ walk: @escaping (Walk) throws(ReadFault) -> T
  ) throws -> Snapshot<T> {
    let kernel = try GuestKernel(
      try guest.image(), in: SnapshotEngine(ScriptedMemory(guest.memory)))
    // A new one, which knows nothing of the guest yet.
    let engine = SnapshotEngine(ScriptedMemory(guest.memory, limits: limits))
    engine.stepLimit = 100_000
    return try kernel.snapshot(engine, walk)
  }
}
