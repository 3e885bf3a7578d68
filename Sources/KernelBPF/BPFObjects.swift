import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopeLinuxKernel

/// The BPF objects of a guest: takes snapshots of the tables that the kernel has of them.
public final class BPFObjects {
  public let kernel: GuestKernel
  public let engine: SnapshotEngine

  /// - Parameter kernel: one that was found with facts to which `symbolRecipes` were added.
  public init(_ kernel: GuestKernel, _ engine: SnapshotEngine) {
    (self.kernel, self.engine) = (kernel, engine)
  }

  /// Owns all it needs: from guest memory, the facts of its kernel, and the registers of vCPU 0.
  ///
  /// - Parameter registers: `cr0`, `cr3`, `cr4`, `efer`, `rip`; nil to read them from the memory's
  ///   source.
  public convenience init(
    _ memory: any GuestMem, kernel facts: KernelFacts, registers: [RegisterKey: UInt64]? = nil
  ) throws(KernelError) {
    let engine = SnapshotEngine(memory)
    let facts = facts.adding(Self.symbolRecipes)
    self.init(try GuestKernel(facts, in: engine, registers: registers), engine)
  }

  /// Owns all it needs: from a guest alone, whose memory says which kernel it runs.
  public convenience init(_ source: any GuestSource) throws(KernelError) {
    let engine = SnapshotEngine(source)
    let facts = try MemoryFacts(of: source, recipes: Self.symbolRecipes)
    self.init(try GuestKernel(facts, in: engine), engine)
  }

  /// For walks of lists, which take a wave an element.
  static let longListWaveLimit = SnapshotEngine.usualWaveLimit + KernelList.limit

  /// Walks the kernel's memory; the answer is from one instant.
  func snapshot<T>(
    vcpus: [Int]? = nil, waveLimit: Int = SnapshotEngine.usualWaveLimit,
    _ walker: @escaping (Walk) throws(ReadFault) -> T
  ) throws(KernelError) -> Snapshot<T> {
    do { return try kernel.snapshot(engine, vcpus: vcpus, waveLimit: waveLimit, walker) } catch {
      throw .snapshot(error)
    }
  }

  /// The maps by ascending id.
  public func maps(
    _ query: ObjectQuery = ObjectQuery()
  ) throws(KernelError) -> Snapshot<ObjectList<BPFMap>> {
    let table = try IDTable<BPFMapStruct>.prepared(for: kernel)
    return try snapshot { walk throws(ReadFault) in
      try table.list(query, in: walk) { map throws(ReadFault) in try BPFMap(map) }
    }
  }

  /// What reads of all maps what they are and nothing that they lead to, for a walk that reads more than
  /// that.
  public func mapHeadWalker() throws(KernelError) -> (Walk) throws(ReadFault) -> [MapHead] {
    let table = try IDTable<BPFMapStruct>.prepared(for: kernel)
    return { walk throws(ReadFault) in
      try table.list(in: walk) { map throws(ReadFault) in MapHead(map) }.objects
    }
  }
}
