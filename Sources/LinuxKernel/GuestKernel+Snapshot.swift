import GuestScopeGuestMemory

extension GuestKernel {
  /// Walks this kernel's memory; the answer is from one instant, and from this boot.
  ///
  /// After a reset or a kexec the old kernel still lies in RAM, readable and dead: the per-CPU base
  /// in the registers of a vCPU must be among the offsets that the walked memory has. One vCPU is
  /// enough to show it; where that one is elsewhere, in firmware or in a crash kernel, another may.
  ///
  /// - Parameters:
  ///   - vcpus: those whose registers the snapshot is to have; nil for the one that shows that the
  ///     kernel lives, and for all of a kernel that is not proven yet.
  ///   - registers: more that the snapshot is to have.
  ///   - waveLimit: see `SnapshotEngine.snapshot`.
  ///   - walker: a pure function of the walk; runs several times.
  /// - Throws: `SnapshotError.kernelChanged` when no vCPU is in this kernel.
  public func snapshot<T>(
    _ engine: SnapshotEngine, vcpus: [Int]? = nil, registers: [RegisterKey] = [],
    waveLimit: Int = SnapshotEngine.usualWaveLimit,
    _ walker: @escaping (Walk) throws(ReadFault) -> T
  ) throws(SnapshotError) -> Snapshot<T> {
    do throws(SnapshotError) {
      return try snapshot(
        engine, through: vcpus ?? (isProven ? nil : allVCPUs(engine)) ?? [watchedCPU], registers,
        waveLimit, walker)
    } catch {
      guard error.isOfAnotherKernel, let other = try otherVCPU(engine) else {
        throw error
      }
      return try snapshot(engine, through: [other], registers, waveLimit, walker)
    }
  }

  /// The most register reads that the stop of an answer takes on to say where all vCPUs are.
  private static let readsBesideAnAnswer = 16

  /// All vCPUs, where their registers are little more to read in the stop of an answer; else nil.
  public func allVCPUs(_ engine: SnapshotEngine) -> [Int]? {
    let all = Array(0..<engine.memory.cpuCount)
    let load = engine.memory.load(of: livenessRegisters(of: all))
    return load.reads <= Self.readsBesideAnAnswer ? all : nil
  }

  /// A vCPU that is in this kernel.
  private func otherVCPU(_ engine: SnapshotEngine) throws(SnapshotError) -> Int? {
    guard !isBoundToVCPU, engine.memory.cpuCount > 1 else { return nil }
    do {
      return try engine.registersOfAll(architecture.rules.livenessRegisters).first(where: isIn)?
        .cpu
    } catch {
      throw .source(error)
    }
  }

  private func snapshot<T>(
    _ engine: SnapshotEngine, through vcpus: [Int], _ more: [RegisterKey], _ waveLimit: Int,
    _ walker: @escaping (Walk) throws(ReadFault) -> T
  ) throws(SnapshotError) -> Snapshot<T> {
    let hasOffsets = (try? address(of: Self.perCPUOffsets)) != nil
    let liveness = livenessRegisters(of: vcpus)
    return try engine.snapshot(
      in: addressSpace, registers: liveness + more.filter { !liveness.contains($0) },
      waveLimit: waveLimit
    ) { view throws(ReadFault) in
      let walk = Walk(self, in: view)
      guard hasOffsets else { return try walker(walk) }
      // The walker must not wait a wave for the offsets when it does not need them yet.
      return try view.together(
        checkAlive(walk.cpus, view), checkSeen(view), checkBoot(view), walker(walk)
      ).3
    }
  }

  /// Where a random word is that no two boots have in common: the stack canary of the first task
  /// (`boot_init_stack_canary()` of arch/*/include/asm/stackprotector.h), which never changes. Without
  /// KASLR two boots may have the same id for another object at the same address. Nil for a kernel
  /// without CONFIG_STACKPROTECTOR.
  var bootWord: KernelVirtualAddress? {
    guard let task = try? address(of: "init_task") else { return nil }
    let place = try? prepared { () throws(KernelError) in
      BootWord(offset: try? btf.requiredField("stack_canary", of: "task_struct").offset)
    }
    return place?.offset.map { task + $0 }
  }

  private struct BootWord { var offset: Int? }

  /// The key under which the word of the boot is kept.
  var bootKey: ObjectKey? { bootWord.map { ObjectKey("stack canary", id: 0, at: $0) } }

  /// What is kept over snapshots is of one boot.
  private func checkBoot(_ view: MemoryView) throws(ReadFault) {
    guard let key = bootKey else { return }
    func read() throws(ReadFault) -> [ArraySlice<UInt8>] {
      [try view.bytes(at: key.address, count: 8)[...]]
    }
    let (first, now) = try view.together(
      view.lasting(key, of: key) { () throws(ReadFault) in try read() }, read())
    guard view.isSnapshot, first != now else { return }
    throw Self.changed
  }

  /// What an earlier session has found the kernel by must be there still.
  private func checkSeen(_ view: MemoryView) throws(ReadFault) {
    guard !isProven else { return }
    let bytes = try view.each(seen.stretches) { start, bytes throws(ReadFault) in
      try view.bytes(at: start, count: bytes.count)
    }
    guard view.isSnapshot, bytes != seen.stretches.map(\.bytes) else { return }
    throw Self.changed
  }

  private static let changed = ReadFault.kernelChanged(
    "the guest no longer runs the kernel that was found: it was reset, or it booted another")

  private func checkAlive(_ cpus: [CPU], _ view: MemoryView) throws(ReadFault) {
    guard view.isSnapshot else { return }
    let vcpus = VCPURegisters.all(in: view.registers).filter {
      !isBoundToVCPU || $0.cpu == watchedCPU
    }
    // A source without registers, a memory dump, cannot be of another boot than it is.
    guard !vcpus.isEmpty,
      !vcpus.contains(where: {
        architecture.rules.isAlive($0, cpus: cpus, tables: addressSpace.tables)
      })
    else { return }
    throw Self.changed
  }
}
