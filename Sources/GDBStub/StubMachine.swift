import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeRemoteProtocol

/// What a stub says of the machine around the guest: all that is asked at a first contact and stays true while
/// that QEMU lives, unless memory or vCPUs are plugged in or out.
struct StubMachine {
  /// What the stub answers to `qSupported`.
  var supported: [UInt8] = []
  /// Of the target description, by name.
  var documents: [String: [UInt8]] = [:]
  /// Bytes of the reply to `g`.
  var registersSize = 0
  var ram = RAMMap([])
  /// The threads that run vCPUs: they tell a QEMU from the next one at the same address.
  var vcpus: [HostThread] = []
  /// What QEMU answers to `placeRequests`; empty where it was not asked, or has no answer.
  var places: [String] = []

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
    if ram != RAMMap(ranges) || vcpus != listed { places = [] }
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

  /// More regions of RAM than these, and all of them are looked up again.
  private static let mostRegions = 8
  /// x86 has small ones below 1 MiB, which are memory or ROM whatever the firmware makes of them.
  private static let smallestRegion: UInt64 = 1 << 20

  /// Where QEMU has the first and the last byte of the RAM's regions in its own memory. With
  /// address-space randomization no two processes have it in the same place, and in one process a region
  /// whose ends are where they were is what it was.
  var placeRequests: [Request] {
    let regions = ram.regions.filter { $0.upperBound - $0.lowerBound >= Self.smallestRegion }
    guard regions.count <= Self.mostRegions else { return [] }
    return regions.flatMap { region -> [Request] in
      [
        .monitor(.hostAddress(region.lowerBound)),
        .monitor(.hostAddress(region.upperBound - 1)),
      ]
    }
  }

  /// - Parameter replies: to `placeRequests`.
  mutating func takePlaces(_ replies: [Reply]) {
    let texts = replies.compactMap(\.monitorOutput)
    let hasAll = texts.allSatisfy { $0.hasPrefix("Host virtual address for ") }
    places = hasAll && texts.count == replies.count ? texts : []
  }

  /// What shows that a machine is this one, and still as it was; nil where nothing does.
  var recognition: [Request]? {
    places.isEmpty ? nil : [.monitor(.cpus)] + placeRequests
  }

  /// - Parameter replies: to `recognition`.
  func isSame(_ replies: [Reply]) -> Bool {
    replies.first?.vcpus == vcpus && replies.dropFirst().map(\.monitorOutput) == places
  }

  // MARK: Another session's

  /// For another session, which may meet the same machine.
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
    record.add(places) { $0.add($1) }
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
    places = try record.list { record throws(End) in try record.text() }
    guard record.isAtEnd, !vcpus.isEmpty, !ram.regions.isEmpty else { throw End() }
  }
}

extension Reply {
  var monitorOutput: String? { if case .monitorOutput(let text) = self { text } else { nil } }

  /// What `info cpus` lists.
  var vcpus: [HostThread] { monitorOutput.map(HostThread.list(monitorText:)) ?? [] }
}
