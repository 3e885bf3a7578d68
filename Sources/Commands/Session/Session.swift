import GuestScopeGDBStub
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import GuestScopeRemoteProtocol

/// What the commands of one run share: the connection, the guest's kernel, what was learnt.
/// Nothing is read before a command needs it.
final class Session {
  let options: SessionOptions
  let console: Console
  let interrupts: Interrupts
  /// Several commands share it: what one does to the guest lasts for the next.
  let isShared: Bool
  private let debt: ResumeDebt
  private let guardian: String?
  private var stopReason: String?
  private(set) var openStub: QEMUStub?
  private var isFirstContact = true
  private var openEngine: SnapshotEngine?
  private(set) var memory: CountingMemory?
  private var progress: ReadingProgress?
  private var image: KernelImage?
  private var foundKernel: GuestKernel?
  /// What was said last of where vCPUs are.
  private var lastNotice: String?
  private var countedReads = 0
  private var countedBytes = 0
  private(set) var statistics = SessionStatistics()

  /// - Parameters:
  ///   - debt: what a signal path pays before the program ends.
  ///   - guardian: see `StubOptions`.
  init(
    _ options: SessionOptions, console: Console, debt: ResumeDebt, guardian: String? = nil,
    interrupts: Interrupts = Interrupts(), isShared: Bool = false
  ) {
    self.guardian = guardian
    self.options = options
    self.console = console
    self.debt = debt
    self.interrupts = interrupts
    self.isShared = isShared
  }

  var stub: QEMUStub {
    get throws {
      if let openStub { return openStub }
      // The file first: reading it takes long, and stops nobody.
      if options.kernel != nil { _ = try kernelImage }
      var stubOptions = StubOptions()
      stubOptions.timeout = .nanoseconds(Int64(options.timeout * 1e9))
      stubOptions.maxPause = .nanoseconds(Int64(options.maxPause * 1e6))
      // What the user knew when the program began says nothing of what comes later.
      stubOptions.leaveStopped = options.leaveStopped && isFirstContact
      stubOptions.guardian = options.noGuardian ? nil : guardian
      stubOptions.notice = { [console] in console.note($0) }
      stubOptions.stopReason = { [weak self] in self?.stopReason = $0 }
      stubOptions.isInterrupted = { [interrupts] in interrupts.isCancelled }
      if options.trace {
        stubOptions.trace = { [console] way, bytes in
          for line in TraceLine.lines(way == .sent ? .sent : .received, bytes) {
            console.trace("\(line)")
          }
        }
      }
      let stub = try QEMUStub(options.connect, options: stubOptions, debt: debt)
      isFirstContact = false
      if options.hold { try stub.hold() }
      openStub = stub
      noteHold()
      return stub
    }
  }

  var engine: SnapshotEngine {
    get throws {
      if let openEngine { return openEngine }
      let progress = ReadingProgress(try stub, console)
      let memory = CountingMemory(progress)
      let engine = SnapshotEngine(memory)
      self.memory = memory
      self.progress = progress
      openEngine = engine
      return engine
    }
  }

  var kernelImage: KernelImage {
    get throws {
      if let image { return image }
      guard let path = options.kernel else {
        throw CommandError(
          "which kernel does the guest run? Give its vmlinuz or vmlinux with -k FILE")
      }
      let read = try console.progress("reading \(path)") { () throws(KernelImageError) in
        try KernelImage(path: path)
      }
      image = read
      return read
    }
  }

  var kernel: GuestKernel {
    get throws {
      if let foundKernel { return foundKernel }
      let engine = try engine
      let kernel = try GuestKernel(try kernelImage, in: engine, vcpu: options.vcpu)
      foundKernel = kernel
      note(KernelState(kernel: kernel, panicCPU: kernel.panicCPU, vcpus: kernel.vcpus))
      if options.stats { console.trace("stats: set-up: \(takeStatistics())") }
      return kernel
    }
  }

  /// Remembers where vCPUs are, and says once that they are in more than one kernel.
  func note(_ state: KernelState) {
    foundKernel?.vcpus = state.vcpus
    // Who names a vCPU knows.
    let notice = options.vcpu == nil ? state.notice : nil
    if let notice, notice != lastNotice { console.note(notice) }
    lastNotice = notice
  }

  /// The guest's BPF objects.
  var bpf: BPFObjects { get throws { BPFObjects(try kernel, try engine) } }

  /// The guest's kernel for a command that reads nothing of it: one that an earlier command found
  /// may be dead meanwhile.
  var livingKernel: GuestKernel {
    get throws {
      guard foundKernel != nil else { return try kernel }
      return try ofThisBoot { kernel in try walk(kernel) { _ in kernel } }.value
    }
  }

  /// Walks the memory of a kernel that `ofThisBoot` gave.
  func walk<T>(
    _ kernel: GuestKernel, vcpus: [Int]? = nil,
    _ walker: @escaping (Walk) throws(ReadFault) -> T
  ) throws -> Snapshot<T> {
    let engine = try engine
    do throws(SnapshotError) {
      return try kernel.snapshot(engine, vcpus: vcpus, walker)
    } catch {
      throw KernelError.snapshot(error)
    }
  }

  /// Takes a snapshot. After a reset of the guest everything that was learnt of it is dropped and
  /// found anew, once.
  func ofThisBoot<T>(_ take: (GuestKernel) throws -> Snapshot<T>) throws -> Snapshot<T> {
    do {
      return follow(try take(try kernel))
    } catch let error as KernelError where error.isAnotherKernel {
      console.note("\(error); looking for it anew")
      if isHeld {
        foundKernel = nil
        try engine.forget()
      } else {
        // It may be another machine, with other RAM, behind the same address.
        disconnect()
      }
      return follow(try take(try kernel))
    }
  }

  /// Counts a snapshot. Where another vCPU than before has shown that the kernel lives, it is that
  /// one from now on, and the user learns where the other is.
  private func follow<T>(_ snapshot: Snapshot<T>) -> Snapshot<T> {
    let vcpus = Set(snapshot.registers.keys.map(\.cpu))
    if let vcpu = vcpus.first, let watched = foundKernel?.watchedCPU, !vcpus.contains(watched) {
      foundKernel?.watchedCPU = vcpu
      // The answer is there already: it does not fail for this.
      _ = try? kernelState()
    }
    return count(snapshot)
  }

  /// Counts what a snapshot cost that was taken without a kernel.
  func count<T>(_ snapshot: Snapshot<T>) -> Snapshot<T> {
    statistics.waves += snapshot.waves
    statistics.closingStops += snapshot.stops
    statistics.closingReads += snapshot.closing.reads
    statistics.closingBytes += snapshot.closing.bytes
    return snapshot
  }

  /// Lets the guest go on that `--hold` or `hold` stopped.
  func close() throws {
    defer { noteHold() }
    try openStub?.release()
  }

  /// Tells the signal thread whether the guest is held because the user wants it so.
  private func noteHold() { interrupts.isHolding = isHeld }

  /// Forgets the connection and all that it told; the next command opens it anew.
  func disconnect() {
    statistics = takeStatistics()
    openStub = nil
    openEngine = nil
    memory = nil
    progress = nil
    (countedReads, countedBytes) = (0, 0)
    foundKernel = nil
    noteHold()
  }

  var isConnected: Bool { openStub != nil }

  /// True while `hold` stops the guest.
  var isHeld: Bool { openStub?.isHeld ?? false }

  /// Whether the guest runs between commands, in a word or two.
  var runState: String { isHeld ? "held" : openStub?.runState.text ?? "unknown" }

  /// Refuses options of a line that only the command line can set.
  func admit(_ line: SessionOptions) throws {
    guard isShared, line.opensSession else { return }
    throw UsageError(
      "the options that open a session stand before its commands: guestscope -c … -e '…'")
  }

  /// Takes the sentence on why the guest has stopped, if that is new.
  func takeStopReason() -> String? {
    defer { stopReason = nil }
    return stopReason
  }

  /// A new command begins: what it reads is counted from here.
  func beginCommand() { progress?.begin() }

  /// A command has ended, and may have begun or ended a hold.
  func endCommand() { noteHold() }

  /// What was spent since the last call.
  func takeStatistics() -> SessionStatistics {
    var taken = statistics
    if let openStub { taken.stops.add(openStub.takeStatistics()) }
    let (reads, bytes) = (memory?.reads ?? 0, memory?.bytes ?? 0)
    taken.reads += reads - countedReads
    taken.bytes += bytes - countedBytes
    (countedReads, countedBytes) = (reads, bytes)
    statistics = SessionStatistics()
    return taken
  }
}

/// A command cannot be carried out; the text says why, and the way out.
struct CommandError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}
