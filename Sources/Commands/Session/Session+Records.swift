import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelCache
import GuestScopeKernelImage
import GuestScopeKernelLog
import GuestScopeLinuxKernel

/// What sessions leave for each other: kernels, and where a guest's is.
extension Session {
  /// What all commands need of a kernel whose kallsyms has functions only.
  static let symbolRecipes = BPFObjects.symbolRecipes + KernelLog.symbolRecipes

  /// What a kernel file says, from an earlier run where that has kept it.
  func facts(ofFile path: String) throws -> KernelFacts {
    // Before it is read: a file that changes then is not taken for the one that was read.
    let file = cache == nil ? nil : FileIdentity(path: path)
    if let cache, let file, let known = cache.facts(of: file),
      known.hasSearched(for: Self.symbolRecipes)
    {
      return known
    }
    let read: KernelFacts
    do throws(KernelImageError) {
      read = try console.progress("reading \(path)") { () throws(KernelImageError) in
        try KernelFacts(path: path).adding(Self.symbolRecipes)
      }
    } catch {
      guard options.kernel == nil, path == options.kernelFile else { throw error }
      throw CommandError("GUESTSCOPE_KERNEL: \(error)")
    }
    if let cache, let file { cache.store(read, of: file) }
    return read
  }

  /// The kernels of the guest's memory; those that earlier runs have read are known.
  func memoryFacts() throws -> MemoryFacts {
    let recipes = Self.symbolRecipes
    let known = (cache?.notes() ?? []).map { [cache] note in
      KnownKernel(
        note.architecture, buildID: note.buildID, noteDistances: note.distances,
        noteSize: note.count
      ) {
        cache?.facts(buildID: note.buildID).flatMap { $0.hasSearched(for: recipes) ? $0 : nil }
      }
    }
    return try MemoryFacts(of: try source, recipes: recipes, known: known) { [cache] in
      cache?.store($0)
    }
  }

  /// What an earlier session has left of the guest that commands will ask.
  func readRecord() {
    guard recallsGuests, options.vcpu == nil else {
      recalled = nil
      return
    }
    recalled = cache?.record(named: sourceName).flatMap { try? GuestRecord(Array($0)) }
  }

  /// The kernel that an earlier session has found in this guest; it is not proven yet. Nil where
  /// there is none, or this session wants another one.
  func recalledKernel() throws -> GuestKernel? {
    guard recallsGuests, let recalled, recalled.incarnation == (try source.incarnation),
      let facts = try facts(of: recalled)
    else { return nil }
    return GuestKernel(
      recalling: recalled.kernel, facts, guide: recalled.memory,
      in: try openConnection.boot.engine)
  }

  private func facts(of record: GuestRecord) throws -> KernelFacts? {
    guard options.kernelFile == nil else {
      // The file of another kernel is a mistake that finding the kernel explains.
      let facts = try kernelFacts as? KernelFacts
      return facts?.buildID == record.kernel.buildID ? facts : nil
    }
    return cache?.facts(buildID: record.kernel.buildID)
  }

  /// Leaves what this session has learnt of its guest for the next one.
  func remember() {
    guard let cache, let connection, let kernel = connection.boot.kernel, kernel.isProven,
      let remembered = kernel.remembered
    else { return }
    let record = GuestRecord(
      connection.source, kernel: remembered, memory: connection.boot.engine.remembered)
    guard recalled?.says(asMuchAs: record) != true else { return }
    cache.store(SharedBytes(record.bytes), named: sourceName)
  }
}
