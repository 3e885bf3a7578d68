import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage

/// A kernel's facts at a place in guest memory, with what its variables hold there. Nothing says yet
/// that this kernel is there: `isConfirmed` does.
struct ImageInGuest {
  /// What messages call the kernel's file.
  var file: String
  var location: KernelLocation
  /// How far the image is from where it was linked, modulo 2^64.
  var slide: UInt64 = 0
  /// At the addresses of this boot.
  var symbols: KernelSymbols
  /// Variables of 8 bytes that the architecture asks for, those that the kernel has. These and all
  /// that follows but `panicCPU` are set once, at boot.
  var variables: [String: UInt64] = [:]
  var notes: [UInt8]?
  var banner: String?
  var cpuIDs: UInt32?
  var panicCPU: Int?
  var isCrashKernel = false
  /// It has come to SYSTEM_SCHEDULING or further (`system_state` of init/main.c).
  var isScheduling = false
  /// As many as the guest has vCPUs, at most.
  var cpus: [CPU] = []
  /// The memory that all this was read from.
  var seen = RememberedMemory()

  /// What a variable holds that every kernel has.
  func variable(_ name: String) throws(KernelError) -> UInt64 {
    _ = try symbols.required(name, in: file)
    guard let value = variables[name] else { throw .unreadableVariable(name) }
    return value
  }

  /// True when the guest's kernel is the one of the facts: by build-id, or by the banner where one
  /// of them has none.
  func isConfirmed(by facts: KernelFacts) -> Bool {
    if let knownID = facts.buildID, let guestID = notes.flatMap(gnuBuildID(inNotes:)) {
      return knownID == guestID
    }
    guard let banner, let knownBanner = facts.banner else { return false }
    return banner == knownBanner
  }
}

extension ImageInGuest {
  /// Reads what a kernel would keep there.
  ///
  /// - Parameters:
  ///   - symbols: at the addresses that they have with this slide.
  ///   - names: of `variables`.
  init(
    _ facts: KernelFacts, _ slide: UInt64, _ symbols: KernelSymbols, _ names: [String],
    _ location: KernelLocation, _ engine: SnapshotEngine
  ) throws(KernelError) {
    self.init(
      file: facts.origin.name, location: location, slide: slide, symbols: symbols)
    func range(_ address: UInt64?, _ count: Int) -> PhysicalRange {
      guard let address else { return PhysicalRange(PhysicalAddress(.max), count: 1) }
      return location.physical(KernelVirtualAddress(address), count: count)
    }
    func range(_ symbol: String, _ count: Int) -> PhysicalRange {
      range(symbols.address(of: symbol), count)
    }
    var notes = facts.buildIDNote.map { (start: $0.address &+ slide, count: $0.count) }
    if let start = symbols.address(of: "__start_notes"),
      let stop = symbols.address(of: "__stop_notes"), start < stop
    {
      notes = (start, Int(min(stop - start, 4096)))
    }
    let wanted =
      [
        range(notes?.start, notes?.count ?? 1), range("linux_banner", 256), range("nr_cpu_ids", 4),
        range(GuestKernel.panicCPUSymbol, 4), range("elfcorehdr_addr", 8),
        range(GuestKernel.perCPUOffsets, 8 * engine.memory.cpuCount), range("system_state", 4),
      ] + names.map { range($0, 8) }
    let outcomes: [[UInt8]?]
    do { outcomes = try engine.readStatic(wanted).map { try? $0.get() } } catch {
      throw .snapshot(.source(error))
    }
    seen.stretches = zip(wanted, outcomes).compactMap { range, bytes in
      bytes.map { (range.start, $0) }
    }
    self.notes = outcomes[0]
    banner = outcomes[1].flatMap { bytes in
      let text = bytes.nulTerminatedText
      guard text.hasPrefix(KernelLocation.bannerStart) else { return nil }
      return text.split(separator: "\n").first.map(String.init)
    }
    cpuIDs = outcomes[2]?.u32(at: 0)
    panicCPU = outcomes[3]?.u32(at: 0).flatMap { GuestKernel.panicCPU($0) }
    // ELFCORE_ADDR_MAX in a kernel that was not booted after a crash (is_kdump_kernel()).
    isCrashKernel = outcomes[4]?.u64(at: 0).map { $0 != .max } ?? false
    // What follows the CPUs that there are is junk.
    if let cpuIDs, let offsets = outcomes[5] {
      cpus = CPU.all(in: Array(offsets.prefix(8 * Int(cpuIDs))))
    }
    isScheduling = outcomes[6]?.u32(at: 0).map { $0 > 0 } ?? false
    for (name, bytes) in zip(names, outcomes.dropFirst(7)) { variables[name] = bytes?.u64(at: 0) }
  }
}

extension KernelSymbols {
  /// The address of a symbol that every kernel must have.
  func required(_ symbol: String, in file: String) throws(KernelError) -> UInt64 {
    do {
      if let found = try named(symbol).first { return found.address }
    } catch {
      throw .ambiguousSymbol(error, file: file)
    }
    // `linux_banner` is data, and in every kernel.
    throw address(of: "linux_banner") == nil
      ? .dataSymbolNotFound(symbol, file: file) : .symbolNotFound(symbol, file: file)
  }
}
