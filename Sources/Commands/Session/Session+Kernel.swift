import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// The guest's kernel, and the walks of its memory.
extension Session {
  /// The guest's kernel.
  var kernel: GuestKernel {
    get throws {
      let kernel = try foundKernel
      return kernel.isProven ? kernel : try lookedAtKernel
    }
  }

  /// The guest's kernel, or what an earlier session has left of it.
  private var foundKernel: GuestKernel {
    get throws {
      let connection = try openConnection
      if let kernel = connection.boot.kernel { return kernel }
      if let kernel = try recalledKernel() {
        connection.boot.kernel = kernel
        return kernel
      }
      let kernel = try connection.doing("looking for the kernel") {
        try GuestKernel(try kernelFacts, in: connection.boot.engine, vcpu: options.vcpu)
      }
      connection.boot.kernel = kernel
      note(KernelState(kernel: kernel, panicCPU: kernel.panicCPU, vcpus: kernel.vcpus))
      if options.stats { console.trace("stats: set-up: \(takeStatistics())") }
      return kernel
    }
  }

  /// Remembers where vCPUs are, and says once that they are in more than one kernel.
  func note(_ state: KernelState) {
    connection?.boot.kernel?.vcpus = state.vcpus
    // Who names a vCPU knows.
    let notice = options.vcpu == nil ? state.notice(hasFile: options.kernelFile != nil) : nil
    if let notice, notice != connection?.boot.lastNotice { console.note(notice) }
    connection?.boot.lastNotice = notice
  }

  /// The BPF objects of a kernel that `ofThisBoot` gave.
  func bpf(of kernel: GuestKernel) throws -> BPFObjects { BPFObjects(kernel, try engine) }

  /// The guest's kernel for a command that reads nothing of it: one that an earlier command found
  /// may be dead meanwhile.
  var livingKernel: GuestKernel {
    get throws {
      connection?.boot.kernel == nil ? try kernel : try lookedAtKernel
    }
  }

  /// The guest's kernel, as a snapshot without anything else in it has shown it.
  private var lookedAtKernel: GuestKernel {
    get throws {
      _ = try ofThisBoot { kernel in try walk(kernel) { _ in () } }
      return try foundKernel
    }
  }

  /// Walks the memory of a kernel that `ofThisBoot` gave.
  func walk<T>(
    _ kernel: GuestKernel, vcpus: [Int]? = nil, registers: [RegisterKey] = [],
    waveLimit: Int = SnapshotEngine.usualWaveLimit,
    _ walker: @escaping (Walk) throws(ReadFault) -> T
  ) throws -> Snapshot<T> {
    let engine = try engine
    do throws(SnapshotError) {
      return try kernel.snapshot(
        engine, vcpus: vcpus, registers: registers, waveLimit: waveLimit, walker)
    } catch {
      throw KernelError.snapshot(error)
    }
  }

  /// Takes a snapshot. When the guest turns out to have been reset, everything that was learnt of it
  /// is dropped, its kernel is looked for again, and the snapshot is tried a second time.
  func ofThisBoot<T>(_ take: (GuestKernel) throws -> Snapshot<T>) throws -> Snapshot<T> {
    do {
      return follow(try take(try foundKernel))
    } catch  where connection?.boot.kernel?.isProven == false && !isFinal(error) {
      // What an earlier session has left does not hold, or may be why this failed.
      recallsGuests = false
      connection?.boot = try openConnection.boot.next
    } catch let error as KernelError where error.isAnotherKernel {
      console.note("\(error); looking for it again")
      recallsGuests = false
      if let connection, isHeld {
        connection.boot = connection.boot.next
      } else {
        // It may be another machine, with other RAM, at the same address.
        disconnect()
      }
    }
    return follow(try take(try foundKernel))
  }

  /// True for what says nothing of the guest's kernel.
  private func isFinal(_ error: any Error) -> Bool {
    (error as? any GuestFailure)?.isOfConnection ?? (error is Cancelled)
  }

  /// Counts a snapshot. Where another vCPU than before has shown that the kernel lives, it is that
  /// one from now on, and the user learns where the other is.
  private func follow<T>(_ snapshot: Snapshot<T>) -> Snapshot<T> {
    let vcpus = Set(snapshot.registers.keys.map(\.cpu))
    if let vcpu = vcpus.first, let watched = connection?.boot.kernel?.watchedCPU,
      !vcpus.contains(watched)
    {
      connection?.boot.kernel?.watchedCPU = vcpu
      // The answer is there already: it does not fail for this.
      _ = try? kernelState()
    }
    if let kernel = connection?.boot.kernel, !kernel.isProven {
      connection?.boot.kernel?.isProven = true
      let isElsewhere = vcpus.contains { !kernel.mayBeIn($0, snapshot.registers) }
      if isElsewhere { _ = try? kernelState() }
    }
    return count(snapshot)
  }
}
