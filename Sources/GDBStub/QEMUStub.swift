import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// A guest that QEMU's gdbserver gives access to.
///
/// Each sample is a *glance*: a fresh connection that asks whether the guest ran, and one write that
/// ends in `c` if it did. The guest stands still for a round trip and while QEMU itself answers. A
/// guest that was stopped before us stays stopped.
public final class QEMUStub: GuestSource {
  public let target: StubTarget
  public var identity: String { "\(target)" }
  public var ram: RAMMap { machine.ram }
  /// The threads of its vCPUs.
  public var incarnation: [Int] { threads.sorted() }
  public var machineRecord: [UInt8] { machine.record }
  /// Whether the guest runs between our stops, and so whether our connections end in `c`.
  public internal(set) var runState: RunState
  public private(set) var cpus: [Int] = [0]
  /// One more than the highest of them.
  public var cpuCount: Int { (cpus.last ?? 0) + 1 }
  /// The architecture in the stub's words: `i386:x86-64`, `aarch64`.
  public var architecture: String { recipe.description.architecture ?? "unknown" }
  /// The stops since the last call. A hold counts in each call while it lasts, with all of its
  /// length as the longest and what is new of it in the total.
  public func takeStatistics() -> StopStatistics {
    countHeld(until: .now)
    return link.takeStatistics()
  }
  /// The names of the registers that a 64-bit number holds (no vector or x87 registers): first
  /// those that QEMU gives all at once, in its order, then the others by name. Their order in
  /// QEMU's hash tables, which it numbers them by, is nobody's.
  public var wordRegisterNames: [String] {
    let names = recipe.description.registers.filter { $0.byteCount <= 8 }.map(\.name)
    let alone = Set(names.filter { recipe.isReadAlone($0) })
    return names.filter { !alone.contains($0) } + alone.sorted()
  }

  /// What reading registers costs in one sample: a reply each is a read.
  public func load(of registers: [RegisterKey]) -> SampleLoad {
    var load = SampleLoad()
    load.reads = recipe.requests(for: registers).count
    return load
  }

  let link: StubLink
  let physicalMemoryMode: Bool
  private var machine = StubMachine()
  private(set) var threads: Set<Int> = []
  private var features = StubFeatures([])
  private var recipe = StubMachine().recipe
  var readingCost = ReadingCost()
  private var knownReadable: [Int]?
  /// The connection of a hold, when it began, and up to when its time is counted.
  var held: (connection: Connection, since: Moment, counted: Moment)?

  /// Connects, finds out whether the guest runs, and learns its registers and its RAM.
  ///
  /// - Parameter debt: what a signal path pays; see `ResumeDebt`.
  public init(
    _ target: StubTarget, options: StubOptions = StubOptions(), debt: ResumeDebt = ResumeDebt()
  ) throws(GuestMemError) {
    self.target = target
    link = try StubLink(target, options, debt: debt)
    let known = options.knownMachine.flatMap(StubMachine.init(record:))
    if let known, let questions = known.recognitionRequests {
      let probe = try Probe(link, asking: questions)
      (runState, physicalMemoryMode) = (probe.runState, probe.physicalMemoryMode)
      if known.matches(probe.replies) {
        machine = known
        deriveValues()
        return
      }
      try takeMachine(try exchange(Self.descriptionRequests))
    } else {
      let probe = try Probe(link, asking: Self.descriptionRequests)
      (runState, physicalMemoryMode) = (probe.runState, probe.physicalMemoryMode)
      try takeMachine(probe.replies)
    }
    // Lets the next session recognize this machine; without that it asks again.
    let questions = options.remembersMachine ? machine.hostAddressRequests : []
    if !questions.isEmpty, let replies = try? exchange(questions) {
      machine.noteHostAddresses(replies)
    }
  }

  /// TCP takes 4 MB of replies before QEMU's main loop blocks on us; a unix socket 150 KB.
  private var replyBytes: Int {
    if case .unix = target { 60_000 } else { 1 << 20 }
  }

  public var consistency: Consistency { held == nil && runState == .running ? .instant : .frozen }

  public var limits: SampleLimits {
    // QEMU takes requests 4096 bytes at a time: within that, all of a glance is in its hands
    // when it begins to answer, and a client that dies then leaves nothing behind. A read is
    // `$mADDRESS,COUNT#SS`.
    let digits = (64 - ram.end.leadingZeroBitCount + 3) / 4
    let pause = held == nil && runState == .running ? link.options.maxPause : nil
    return SampleLimits(
      readBytes: features.readLimit, reads: (Glance.requestBytes - 200) / (digits + 11),
      bytes: replyBytes / 2, pause: pause.map { $0 * Glance.nominalShare },
      stopCost: link.stopCost, roundTrip: link.roundTrip, readCost: readingCost.request,
      byteCost: readingCost.byte)
  }

  public func sample(
    ranges: [PhysicalRange], registers: [RegisterKey]
  ) throws(GuestMemError) -> Sample {
    let reads = ranges.map(packets)
    var requests: [Request] = recipe.requests(for: registers)
    let memory = reads.joined().map {
      Request.readMemory(address: $0.start.rawValue, count: $0.count)
    }
    if !memory.isEmpty {
      requests += [.setPhysicalMemoryMode(true)] + memory
      requests.append(.setPhysicalMemoryMode(physicalMemoryMode))
    }

    let load = limits.load(ranges)
    // A longer delay than QEMU needs would be measured, learnt as its cost, and kept up by itself.
    let delay = load.reads < 16 ? .zero : limits.cost(load) * 0.75
    let bytes = reads.joined().reduce(0) { $0 + $1.count }
    let glance = try glance(requests, bytes: bytes, delay: delay)
    var replies = glance.replies[...]
    let values = recipe.values(of: registers, in: &replies)
    if !memory.isEmpty {
      guard replies.popFirst() == .ok else {
        throw GuestMemError(.unsupported, "\(target) refuses the physical memory mode")
      }
    }
    var outcomes: [Result<[UInt8], Absence>] = []
    for (range, packets) in zip(ranges, reads) {
      outcomes.append(join(replies.prefix(packets.count), of: range, packets))
      replies = replies.dropFirst(packets.count)
    }
    return Sample(
      memory: outcomes, registers: values, time: UInt64(clamping: glance.first.nanoseconds))
  }

  /// A range in reads that the stub takes; none for one that is not wholly RAM.
  private func packets(_ range: PhysicalRange) -> [PhysicalRange] {
    guard ram.contains(range) else { return [] }
    return stride(from: 0, to: range.count, by: features.readLimit).map {
      PhysicalRange(range.start + $0, count: min(range.count - $0, features.readLimit))
    }
  }

  private func join(
    _ replies: ArraySlice<Reply>, of range: PhysicalRange, _ packets: [PhysicalRange]
  ) -> Result<[UInt8], Absence> {
    guard !packets.isEmpty || range.count == 0 else { return .failure(.outsideRAM) }
    var bytes: [UInt8] = []
    for reply in replies {
      switch reply {
      case .bytes(let more): bytes += more
      case .error(let code): return .failure(Absence("QEMU cannot read there (E\(code))"))
      default: return .failure(Absence("QEMU did not understand the read"))
      }
    }
    return .success(bytes)
  }

  // MARK: First contact

  private static let descriptionRequests: [Request] = [
    .supported, .readFeature(annex: TargetDescription.root, offset: 0, count: 0x7f8),
  ]

  /// - Parameter replies: to `descriptionRequests`.
  private func takeMachine(_ replies: [Reply]) throws(GuestMemError) {
    guard case .text(let supported) = replies[0] else {
      throw link.notQEMU("it does not say what it supports")
    }
    guard case .feature(let document, let isWhole) = replies[1] else {
      throw GuestMemError(
        .unsupported, "\(target) has no target description, so its registers have no names")
    }
    machine.supported = supported
    features = machine.features
    machine.documents = try readDocuments(from: isWhole ? document : nil)
    try machine.take(try exchange(StubMachine.requests), of: target)
    deriveValues()
  }

  /// Derives once what every sample needs.
  private func deriveValues() {
    (cpus, threads) = (machine.cpus, machine.threads)
    (features, recipe) = (machine.features, machine.recipe)
  }

  /// More documents than any description has: arm64's has eight.
  private static let documentLimit = 32

  /// Reads the documents that the root of the target description includes.
  private func readDocuments(
    from root: [UInt8]?
  ) throws(GuestMemError) -> [String: [UInt8]] {
    var documents: [String: [UInt8]] = [:]
    documents[TargetDescription.root] = root
    while true {
      let description = TargetDescription(documents: documents)
      let names = description.missing.prefix(Self.documentLimit - documents.count)
      guard !names.isEmpty else { return documents }
      for (name, text) in try readDocuments(names) { documents[name] = text }
    }
  }

  private func readDocuments(
    _ names: ArraySlice<String>
  ) throws(GuestMemError) -> [String: [UInt8]] {
    let size = features.featureReadLimit
    // Reading past the end is an error reply and harmless: ask for the usual size at once.
    let pieces = min(8, 40_000 / size + 1)
    var documents: [String: [UInt8]] = [:]
    for name in names {
      var text: [UInt8] = []
      var isComplete = false
      while !isComplete, text.count < 1 << 20 {
        let requests = (0..<pieces).map { piece in
          Request.readFeature(annex: name, offset: text.count + piece * size, count: size)
        }
        for reply in try exchange(requests) {
          guard !isComplete, case .feature(let bytes, let isLast) = reply, !bytes.isEmpty else {
            isComplete = true
            continue
          }
          text += bytes
          isComplete = isLast
        }
      }
      documents[name] = text
    }
    return documents
  }

  /// Memory and vCPUs are plugged in and out while we are connected.
  public func lookAgain() throws(GuestMemError) -> Bool {
    let old = (ram, cpus)
    try machine.takeMemory(try exchange(StubMachine.memoryRequests), of: target)
    deriveValues()
    if cpus != old.1 { knownReadable = nil }
    return (ram, cpus) != old
  }

  /// The vCPUs whose registers this stub gives: all of them, but on a machine with several clusters
  /// of CPUs. Each cluster is a process of its own to a debugger, QEMU attaches the first one alone
  /// (`gdb_chr_event` in gdbstub/system.c), and answers E22 to `Hg` of a vCPU in another.
  ///
  /// Asked for at the first call, in a stop of its own, and remembered.
  public func readableCPUs() throws(GuestMemError) -> [Int] {
    if let knownReadable { return knownReadable }
    var readable: [Int] = []
    // All of a large machine's do not fit in one stop's requests.
    for first in stride(from: 0, to: cpus.count, by: 256) {
      let part = cpus[first..<min(first + 256, cpus.count)]
      let replies = try exchange(part.map { .selectThread(ThreadID($0 + 1)) })
      readable += zip(part, replies).filter { $1 == .ok }.map(\.0)
    }
    knownReadable = readable
    return readable
  }
}
