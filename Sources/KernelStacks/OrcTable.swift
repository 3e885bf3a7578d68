import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A table of ORC entries by the addresses from which on they hold, ascending.
struct OrcTable {
  /// An array of numbers of 4 bytes, each relative to its own place.
  var addresses: KernelVirtualAddress
  var entries: KernelVirtualAddress
  /// Those that may hold.
  var range: Range<Int>

  /// The last entry that begins at or before an address (`__orc_find()` of
  /// arch/x86/kernel/unwind_orc.c); nil for an empty table.
  ///
  /// A module has tens of thousands: each wave reads some of them, far apart, and leaves those
  /// between two. In the kernel's own table a block says which few it is.
  func index(of address: UInt64, in view: MemoryView) throws(ReadFault) -> Int? {
    var range = range
    while range.count > Self.mostRead {
      let step = (range.count + Self.probes - 1) / Self.probes
      let probes = Array(stride(from: range.lowerBound, to: range.upperBound, by: step))
      let starts = try view.each(probes) { index throws(ReadFault) in
        let place = addresses + 4 * index
        return Self.start(try view.load(Int32.self, at: place), at: place)
      }
      let next = starts.firstIndex { $0 > address } ?? probes.count
      let first = probes[max(next - 1, 0)]
      range = first..<(next < probes.count ? max(probes[next], first + 1) : range.upperBound)
    }
    guard !range.isEmpty else { return nil }
    let place = addresses + 4 * range.lowerBound
    let bytes = try view.bytes(at: place, count: 4 * range.count)
    let last = (0..<range.count).last { index in
      Self.start(
        Int32(bitPattern: bytes.u32(at: 4 * index)!), at: place + 4 * index) <= address
    }
    return range.lowerBound + (last ?? 0)
  }

  /// `orc_ip()`
  private static func start(_ relative: Int32, at place: KernelVirtualAddress) -> UInt64 {
    place.rawValue &+ UInt64(bitPattern: Int64(relative))
  }

  private static let mostRead = 128
  private static let probes = 16

  func entry(
    at index: Int, in walk: Walk
  ) throws(ReadFault) -> KernelObject<OrcEntryStruct> {
    try walk.read(
      OrcEntryStruct.self, at: entries + index * (try walk.size(of: OrcEntryStruct.self)))
  }
}

/// The unwind tables of an x86-64 kernel with CONFIG_UNWINDER_ORC: its own, and those of its
/// modules.
struct OrcTables: Sendable {
  private let addresses, entries: KernelVirtualAddress
  private let count: Int
  private let lookup: KernelVirtualAddress
  private let blocks: Int
  private let text: Range<UInt64>
  /// Code that only the start of the kernel needs; nil where the symbols do not say it.
  private let startText: Range<UInt64>?
  /// A function, whose first entry shows how registers are numbered.
  private let someFunction: UInt64
  /// Up to 5.11 the offset of an indirect entry counts before the stack is read, and since after
  /// (commit 87ccc826bf1c); a function that went in the same series says which.
  let addsOffsetFirst: Bool

  /// Nil for a kernel that has none, or does not show them.
  init?(_ kernel: GuestKernel) {
    let symbols = kernel.symbols
    guard let addresses = symbols.address(of: "__start_orc_unwind_ip"),
      let end = symbols.address(of: "__stop_orc_unwind_ip"), addresses < end,
      let entries = symbols.address(of: "__start_orc_unwind"),
      let lookup = symbols.address(of: "orc_lookup"),
      let lookupEnd = symbols.address(of: "orc_lookup_end"), lookup < lookupEnd,
      let start = symbols.address(of: "_stext"), let stop = symbols.address(of: "_etext"),
      start < stop, let function = symbols.address(of: "schedule"),
      let bytes = Int(exactly: end - addresses), let lookupBytes = Int(exactly: lookupEnd - lookup)
    else { return nil }
    self.addresses = KernelVirtualAddress(addresses)
    self.entries = KernelVirtualAddress(entries)
    self.lookup = KernelVirtualAddress(lookup)
    (count, blocks) = (bytes / 4, lookupBytes / 4)
    text = start..<stop
    if let start = symbols.address(of: "_sinittext"), let stop = symbols.address(of: "_einittext"),
      start < stop
    {
      startText = start..<stop
    } else {
      startText = nil
    }
    someFunction = function
    addsOffsetFirst =
      symbols.address(of: "asm_call_on_stack") != nil
      || symbols.address(of: "asm_call_sysvec_on_stack") != nil
  }

  /// True for an address in the kernel's own code, which the fast table has.
  func isInText(_ address: UInt64) -> Bool { text.contains(address) }

  /// The entry that holds at an instruction; nil for code that has none, such as BPF's. It stays
  /// as it is while the code is there.
  func entry(
    at address: UInt64, in walk: Walk
  ) throws(ReadFault) -> OrcEntry? {
    guard address != 0 else { return .null }
    let key = ObjectKey("unwind entry", id: address, at: KernelVirtualAddress(address))
    return try walk.view.constant(key) { () throws(ReadFault) -> OrcEntry? in
      let (numbering, entry) = try walk.view.together(
        numbering(in: walk), storedEntry(at: address, in: walk))
      return entry.map { OrcEntry($0, numbering) }
    }
  }

  private func storedEntry(
    at address: UInt64, in walk: Walk
  ) throws(ReadFault) -> KernelObject<OrcEntryStruct>? {
    guard let table = try table(at: address, in: walk),
      let index = try table.index(of: address, in: walk.view)
    else { return nil }
    return try table.entry(at: index, in: walk)
  }

  /// `orc_find()`; nil for an address in no code that has a table.
  private func table(at address: UInt64, in walk: Walk) throws(ReadFault) -> OrcTable? {
    if text.contains(address) { return try block(at: address, in: walk) }
    if startText?.contains(address) ?? false {
      return OrcTable(addresses: addresses, entries: entries, range: 0..<count)
    }
    guard let module = try walk.module(holding: KernelVirtualAddress(address)) else { return nil }
    return try walk.read(ModuleUnwindTable.self, at: module).table
  }

  /// LOOKUP_BLOCK_SIZE of arch/x86/include/asm/orc_lookup.h.
  private static let blockSize: UInt64 = 256

  /// The entries of a block of code, and the first of the next one.
  private func block(at address: UInt64, in walk: Walk) throws(ReadFault) -> OrcTable {
    let block = Int((address - text.lowerBound) / Self.blockSize)
    let place = lookup + 4 * block
    guard block < blocks - 1 else {
      throw .corrupt("a table of \(blocks) blocks of code, which lacks number \(block)", at: lookup)
    }
    let bytes = try walk.view.bytes(at: place, count: 8)
    let (first, next) = (Int(bytes.u32(at: 0)!), Int(bytes.u32(at: 4)!))
    // A block has no more entries than bytes.
    guard first <= next, next < count, next - first <= Int(Self.blockSize) else {
      throw .corrupt("entries \(first) to \(next) for a block of code", at: place)
    }
    return OrcTable(addresses: addresses, entries: entries, range: first..<next + 1)
  }

  private func numbering(in walk: Walk) throws(ReadFault) -> OrcNumbering {
    let place = KernelVirtualAddress(someFunction)
    let key = ObjectKey("numbers of registers in unwind entries", id: 0, at: place)
    return try walk.view.constant(key) { () throws(ReadFault) in
      guard let entry = try storedEntry(at: someFunction, in: walk),
        let numbering = OrcNumbering(firstEntry: entry)
      else {
        throw .corrupt("an unwind table of a form that is not known", at: entries)
      }
      return numbering
    }
  }
}

/// `struct module` of include/linux/module.h: its unwind table, in `struct mod_arch_specific` of
/// arch/x86/include/asm/module.h.
private struct ModuleUnwindTable: KernelStruct {
  static let kernelName = "module"
  let numOrcs = Member<UInt32>("arch.num_orcs")
  let addresses = Member<KernelVirtualAddress>("arch.orc_unwind_ip")
  let entries = Member<KernelVirtualAddress>("arch.orc_unwind")
}

extension KernelObject<ModuleUnwindTable> {
  /// The largest modules have a hundred thousand entries; more is garbage.
  private static var mostEntries: UInt32 { 1 << 22 }

  fileprivate var table: OrcTable? {
    guard self.numOrcs <= Self.mostEntries, self.addresses.rawValue != 0,
      self.entries.rawValue != 0
    else { return nil }
    return OrcTable(
      addresses: self.addresses, entries: self.entries, range: 0..<Int(self.numOrcs))
  }
}
