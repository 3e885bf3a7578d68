import GuestScopeBytes

/// How kernel virtual addresses become physical ones. Reads page tables, if it must, through the
/// view like any other memory.
public protocol AddressSpace {
  /// The physical address of the 4 KiB page that begins at a virtual address.
  ///
  /// - Throws: `Unreadable.Reason.notMapped` when there is none.
  func translate(
    page: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) -> PhysicalAddress
}

/// Guest memory as a walker sees it: plain reads, synchronous, by virtual or physical address.
///
/// A view is a cache with a miss list. A read that the cache cannot serve notes its range and
/// throws `ReadFault.miss`; `SnapshotEngine` fetches all that a pass missed in one sample and runs
/// the walker again. A walker therefore is a pure function of its view, keeps no state between
/// passes, and knows nothing of packets, batches or pauses.
public final class MemoryView {
  public let ram: RAMMap
  /// The vCPU registers of this instant. Empty in discovery, whose bytes are of many instants.
  public let registers: [RegisterKey: Result<UInt64, Absence>]
  /// True when all bytes are of one instant, so that a contradiction is the guest's own.
  public let isSnapshot: Bool

  private let addressSpace: (any AddressSpace)?
  private let cache: PageCache
  /// What was read for this snapshot alone: in discovery constants and what lasts are made of this and of
  /// nothing older, for no closing stop shows that it is still so.
  private let fresh: PageCache
  private var isFromFresh: Bool { isOutOfPlan && !isSnapshot }
  /// What the pass asked for and the cache did not have.
  private(set) var misses: [PhysicalRange] = []
  /// Every range that the pass used, in order: the plan of a snapshot.
  private(set) var uses: [PhysicalRange] = []
  private var stepsLeft: Int
  private var translations: [UInt64: CachedTranslation] = [:]
  /// The same by what was read for this snapshot alone.
  private var freshTranslations: [UInt64: PhysicalAddress] = [:]
  var objects: ObjectScopes
  let constants: Constants
  /// What is read now stays the same.
  var isReadingConstant = false
  /// True while bytes are read that are kept as long as their object lives.
  var isReadingLasting = false
  /// When the memory was as the view has it, as in `Sample.time`; 0 for memory of several instants.
  public let time: UInt64
  /// True in a pass that only determines what a stop will read; it keeps nothing.
  let isForecast: Bool
  /// Why there is no answer, or no object, where this pass misses something and is the last one.
  let lack: Unreadable.Reason
  /// What is read now is not part of the plan.
  private var isOutOfPlan: Bool { isReadingLasting || isReadingConstant && !constants.areInPlan }

  private struct CachedTranslation {
    var page: PhysicalAddress
    /// The page-table entries that led here, as a stretch of `uses`.
    var uses: Range<Int>
    /// The object that has them in its plan already.
    var object: Int?
  }

  init(
    ram: RAMMap, addressSpace: (any AddressSpace)?, cache: PageCache,
    fresh: PageCache? = nil,
    registers: [RegisterKey: Result<UInt64, Absence>] = [:], time: UInt64 = 0, isSnapshot: Bool,
    isForecast: Bool = false, lack: Unreadable.Reason = .moving, stepLimit: Int,
    objects: ObjectScopes = ObjectScopes(), constants: Constants = Constants()
  ) {
    self.ram = ram
    self.addressSpace = addressSpace
    self.cache = cache
    self.fresh = fresh ?? cache
    self.registers = registers
    self.time = time
    self.isSnapshot = isSnapshot
    self.isForecast = isForecast
    self.lack = lack
    self.stepsLeft = stepLimit
    self.objects = objects
    self.constants = constants
  }

  // MARK: Physical reads

  /// The little-endian integer at a physical address.
  ///
  /// - Parameter fetching: on a miss, a larger range around it whose other parts will be wanted
  ///   soon. It is fetched in discovery and never part of the plan.
  public func load<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, at address: PhysicalAddress, fetching: PhysicalRange? = nil
  ) throws(ReadFault) -> T {
    let size = MemoryLayout<T>.size
    guard address.rawValue & 0xfff <= UInt64(4096 - size) else {
      return try bytes(at: address, count: size).load(type, at: 0)!
    }
    let (source, offset) = try find(address, count: size, fetching: fetching)
    return source.load(type, at: offset)
  }

  /// `count` bytes at a physical address.
  public func bytes(at address: PhysicalAddress, count: Int) throws(ReadFault) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    var missed = false
    while bytes.count < count {
      let start = address + bytes.count
      let stretch = min(count - bytes.count, 4096 - Int(start.rawValue & 0xfff))
      do throws(ReadFault) {
        let (source, offset) = try find(start, count: stretch, fetching: nil)
        bytes.append(contentsOf: source.bytes(at: offset, count: stretch))
      } catch .miss {
        // The rest is as likely missing: note all of it in this pass.
        missed = true
        bytes.append(contentsOf: repeatElement(0, count: stretch))
      }
    }
    if missed { throw .miss }
    return bytes
  }

  /// Where a stretch within one page is. What must be read for this snapshot and is known of earlier ones is a
  /// miss, and taken from there all the same: it says what else must be read, so that one wave brings all of it.
  private func find(
    _ address: PhysicalAddress, count: Int, fetching: PhysicalRange?
  ) throws(ReadFault) -> (cache: PageCache, offset: Int) {
    stepsLeft -= 1
    if stepsLeft < 0 { throw .stepLimit }
    let source = isFromFresh ? fresh : cache
    switch source.find(address.rawValue, count: count) {
    case .known(let offset):
      note(PhysicalRange(address, count: count))
      return (source, offset)
    case .absent(let absence):
      note(PhysicalRange(address, count: count))
      throw .unreadable(Unreadable(.absent(absence), at: address.rawValue))
    case .unknown:
      let range = PhysicalRange(address, count: count)
      guard ram.contains(range) else {
        throw .unreadable(Unreadable(.absent(.outsideRAM), at: address.rawValue))
      }
      if isFromFresh, case .known(let offset) = cache.find(address.rawValue, count: count) {
        misses.append(range)
        return (cache, offset)
      }
      if let fetching, ram.contains(fetching) {
        misses.append(fetching)
      } else {
        misses.append(range)
      }
      throw .miss
    }
  }

  private func note(_ use: PhysicalRange) {
    guard isOutOfPlan else {
      uses.append(use)
      return
    }
    // Bytes that last are remembered themselves, so that their place need not be.
    if !isReadingLasting { constants.uses.append(use) }
  }

  // MARK: Virtual reads

  /// Has the next wave bring what will be wanted soon, as far as it is not known. In no plan, and
  /// nothing in a snapshot: only what is read is part of an answer.
  ///
  /// For memory whose pointers lead from one place in it to the next: read whole, it costs one wave.
  public func prefetch(at address: KernelVirtualAddress, count: Int) throws(ReadFault) {
    guard !isSnapshot, count > 0 else { return }
    var done = 0
    while done < count {
      let start = address + done
      let stretch = min(count - done, 4096 - Int(start.rawValue & 0xfff))
      done += stretch
      stepsLeft -= 1
      if stepsLeft < 0 { throw .stepLimit }
      // A page that is not there is an error only to who reads it.
      guard let physical = try? translate(start) else { continue }
      let range = PhysicalRange(physical, count: stretch)
      guard ram.contains(range), case .unknown = cache.find(physical.rawValue, count: stretch)
      else { continue }
      misses.append(range)
    }
  }

  /// The little-endian integer at a virtual address.
  public func load<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, at address: KernelVirtualAddress
  ) throws(ReadFault) -> T {
    let size = MemoryLayout<T>.size
    guard address.rawValue & 0xfff <= UInt64(4096 - size) else {
      return try bytes(at: address, count: size).load(type, at: 0)!
    }
    return try load(type, at: try translate(address))
  }

  /// `count` bytes at a virtual address, translated page by page.
  public func bytes(at address: KernelVirtualAddress, count: Int) throws(ReadFault) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(count, 1 << 20))
    var missed = false
    while bytes.count < count {
      let start = address + bytes.count
      let stretch = min(count - bytes.count, 4096 - Int(start.rawValue & 0xfff))
      do throws(ReadFault) {
        bytes += try self.bytes(at: try translate(start), count: stretch)
      } catch .miss {
        missed = true
        bytes.append(contentsOf: repeatElement(0, count: stretch))
      }
    }
    if missed { throw .miss }
    return bytes
  }

  public func u8(at address: KernelVirtualAddress) throws(ReadFault) -> UInt8 {
    try load(UInt8.self, at: address)
  }

  public func u16(at address: KernelVirtualAddress) throws(ReadFault) -> UInt16 {
    try load(UInt16.self, at: address)
  }

  public func u32(at address: KernelVirtualAddress) throws(ReadFault) -> UInt32 {
    try load(UInt32.self, at: address)
  }

  public func u64(at address: KernelVirtualAddress) throws(ReadFault) -> UInt64 {
    try load(UInt64.self, at: address)
  }

  public func pointer(
    at address: KernelVirtualAddress
  ) throws(ReadFault) -> KernelVirtualAddress {
    KernelVirtualAddress(try u64(at: address))
  }

  /// Where a virtual address is in physical memory; reads page tables where they are needed.
  public func translate(_ address: KernelVirtualAddress) throws(ReadFault) -> PhysicalAddress {
    let page = address.rawValue >> 12
    let offset = address.rawValue & 0xfff
    if isFromFresh {
      // What a constant depends on is noted each time.
      if isReadingLasting, let known = freshTranslations[page] { return known + offset }
      let before = misses.count
      let physical = try translate(page: page)
      if misses.count == before { freshTranslations[page] = physical }
      return physical + offset
    }
    if let known = translations[page] {
      // The plan of each object holds the page-table entries that it depends on.
      if known.object != objects.current, !isOutOfPlan {
        // One by one: a slice of an array that grows makes a copy of all of it.
        for use in known.uses { uses.append(uses[use]) }
        translations[page]?.object = objects.current
      }
      return known.page + offset
    }
    let first = uses.count
    let physical = try translate(page: page)
    // A translation whose entries are not in the plan must not serve what is.
    if !isOutOfPlan {
      translations[page] = CachedTranslation(
        page: physical, uses: first..<uses.count, object: objects.current)
    }
    return physical + offset
  }

  private func translate(page: UInt64) throws(ReadFault) -> PhysicalAddress {
    let start = KernelVirtualAddress(page << 12)
    guard let addressSpace else {
      throw .unreadable(Unreadable(.notMapped, at: start.rawValue))
    }
    return try addressSpace.translate(page: start, in: self)
  }
}
