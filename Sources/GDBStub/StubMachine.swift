import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// What the stub reports about the machine at a first contact. It stays valid for the life of the QEMU process,
/// unless memory or vCPUs are hot-plugged.
struct StubMachine {
  /// What the stub answers to `qSupported`.
  var supported: [UInt8] = []
  /// Of the target description, by name.
  var documents: [String: [UInt8]] = [:]
  /// Bytes of the reply to `g`.
  var registersSize = 0
  var ram = RAMMap([])
  /// The threads that run vCPUs: they distinguish a QEMU from the next one at the same address.
  var vcpus: [HostThread] = []
  /// QEMU's replies to `hostAddressRequests`; empty if it was not asked, or had no answer to one.
  var hostAddresses: [String] = []

  var features: StubFeatures { StubFeatures(supported) }
  var recipe: RegisterRecipe {
    RegisterRecipe(TargetDescription(documents: documents), allRegistersSize: registersSize)
  }
  /// The indices of the vCPUs, ascending. Those that can be plugged in later leave gaps.
  var cpus: [Int] { Set(vcpus.map(\.cpu)).sorted() }
  var threads: Set<Int> { Set(vcpus.map(\.id)) }

  // MARK: First contact

  /// Where RAM is and which vCPUs there are. `info mtree -f` alone is two hundred lines, and takes longer
  /// than an answer.
  static let memoryRequests: [Request] = [
    .monitor(.memoryTree), .monitor(.memoryBackends), .monitor(.cpus),
  ]
  static let requests = [.selectThread(ThreadID(1)), .readRegisters] + memoryRequests

  /// - Parameter replies: to `memoryRequests`.
  mutating func takeMemory(
    _ replies: [Reply], of target: StubTarget
  ) throws(GuestMemError) {
    guard let tree = replies[0].monitorOutput, let backends = replies[1].monitorOutput,
      let ranges = SystemMemory(monitorText: tree)?.ram(of: MemoryBackends(monitorText: backends)),
      !ranges.isEmpty
    else {
      throw GuestMemError(
        .unsupported, "\(target) does not say where the guest has RAM (monitor: info mtree -f)")
    }
    let listed = replies[2].vcpus
    guard !listed.isEmpty else {
      throw GuestMemError(
        .unsupported, "\(target) does not say which vCPUs the guest has (monitor: info cpus)")
    }
    if ram != RAMMap(ranges) || vcpus != listed { hostAddresses = [] }
    (ram, vcpus) = (RAMMap(ranges), listed)
  }

  /// - Parameter replies: to `requests`, by a stub with the documents that are known.
  mutating func take(_ replies: [Reply], of target: StubTarget) throws(GuestMemError) {
    guard case .bytes(let registers) = replies[1] else {
      throw GuestMemError(.unsupported, "\(target) does not give registers")
    }
    registersSize = registers.count
    try takeMemory(Array(replies[2...]), of: target)
  }

  // MARK: Recognition

  /// With more regions than this, the memory tree is read again instead.
  private static let mostRegions = 8
  /// The firmware of x86 switches smaller ones, below 1 MiB, between RAM and ROM: they are not compared.
  private static let smallestRegion: UInt64 = 1 << 20

  /// Where QEMU has the first and the last byte of each region of RAM in its own memory. With address-space
  /// randomization no two processes have them in the same place. In one process a region whose ends are where
  /// they were is the same one; what was plugged in or out since is found when it is missed (`lookAgain`).
  var hostAddressRequests: [Request] {
    let regions = ram.regions.filter { $0.upperBound - $0.lowerBound >= Self.smallestRegion }
    guard regions.count <= Self.mostRegions else { return [] }
    return regions.flatMap { region -> [Request] in
      [
        .monitor(.hostAddress(region.lowerBound)), .monitor(.hostAddress(region.upperBound - 1)),
      ]
    }
  }

  /// - Parameter replies: to `hostAddressRequests`.
  mutating func noteHostAddresses(_ replies: [Reply]) {
    let texts = replies.compactMap(\.monitorOutput)
    let hasAll = texts.allSatisfy { $0.hasPrefix("Host virtual address for ") }
    hostAddresses = hasAll && texts.count == replies.count ? texts : []
  }

  /// The requests whose replies identify this machine; nil if nothing does.
  var recognitionRequests: [Request]? {
    hostAddresses.isEmpty ? nil : [.monitor(.cpus)] + hostAddressRequests
  }

  /// - Parameter replies: to `recognitionRequests`.
  func matches(_ replies: [Reply]) -> Bool {
    replies.first?.vcpus == vcpus && replies.dropFirst().map(\.monitorOutput) == hostAddresses
  }

  // MARK: Record for other sessions

  var record: [UInt8] {
    var record = RecordWriter()
    record.add(supported)
    record.add(documents.sorted { $0.key < $1.key }) { record, document in
      record.add(document.key)
      record.add(document.value)
    }
    record.add(registersSize)
    record.add(ram.regions) { record, region in
      record.add(region.lowerBound)
      record.add(region.upperBound)
    }
    record.add(vcpus) { record, vcpu in
      record.add(vcpu.cpu)
      record.add(vcpu.id)
    }
    record.add(hostAddresses) { $0.add($1) }
    return record.bytes
  }

  init() {}

  /// - Returns: nil for bytes that are not of such a record.
  init?(record bytes: [UInt8]) {
    do {
      try self.init(from: bytes)
    } catch {
      return nil
    }
  }

  private init(from bytes: [UInt8]) throws(RecordReader.End) {
    typealias End = RecordReader.End
    var record = RecordReader(bytes)
    supported = try record.data()
    documents = Dictionary(
      try record.list { record throws(End) in (try record.text(), try record.data()) },
      uniquingKeysWith: { first, _ in first })
    registersSize = try record.number()
    guard registersSize >= 0 else { throw End() }
    ram = RAMMap(
      try record.list { record throws(End) in
        let (lower, upper) = (try record.word(), try record.word())
        guard lower <= upper else { throw End() }
        return lower..<upper
      })
    vcpus = try record.list { record throws(End) in
      let (cpu, id) = (try record.number(), try record.number())
      guard (0..<HostThread.cpuLimit).contains(cpu), id > 0 else { throw End() }
      return HostThread(cpu: cpu, id: id)
    }
    hostAddresses = try record.list { record throws(End) in try record.text() }
    guard record.isAtEnd, !vcpus.isEmpty, !ram.regions.isEmpty else { throw End() }
  }
}

extension Reply {
  var monitorOutput: String? { if case .monitorOutput(let text) = self { text } else { nil } }

  /// What `info cpus` lists.
  var vcpus: [HostThread] { monitorOutput.map(HostThread.list(monitorText:)) ?? [] }
}
