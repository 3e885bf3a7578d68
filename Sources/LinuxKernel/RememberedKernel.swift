import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopePaging

/// Where a guest's kernel was, for another session that meets the same boot of it.
///
/// It proves nothing: what the kernel was found by is read again in the stop of the first answer,
/// together with the registers that show that it lives.
public struct RememberedKernel: Sendable {
  public var architecture: KernelFacts.Architecture
  public var buildID: [UInt8]
  var slide: UInt64
  var location: KernelLocation
  var root: PhysicalAddress
  var windows: [KernelAddressSpace.Window]
  var pageOffset: UInt64?
  var variables: [String: UInt64]
  var cpuIDs: Int
  var cpus: [CPU]
  var vcpus: Int
  var watchedCPU: Int
  /// The memory that the kernel was found by.
  var seen: RememberedMemory

  /// True for the same kernel at the same place.
  public func isSame(as other: RememberedKernel) -> Bool {
    buildID == other.buildID && slide == other.slide && location == other.location
      && windows == other.windows && seen.ranges == other.seen.ranges
  }
}

extension GuestKernel {
  /// What to remember of this kernel; nil where another session must look for itself: in a guest that
  /// is in several kernels, or has crashed.
  public var remembered: RememberedKernel? {
    guard let buildID, vcpus.allSatisfy({ $0.place == .kernel }), !isCrashKernel,
      !isBoundToVCPU, panicCPU == nil,
      !cpus.isEmpty
    else { return nil }
    return RememberedKernel(
      architecture: architecture, buildID: buildID, slide: slide, location: location,
      root: addressSpace.tables.root,
      windows: addressSpace.windows, pageOffset: addressSpace.pageOffset?.rawValue,
      variables: variables, cpuIDs: cpuIDs, cpus: cpus, vcpus: vcpus.count, watchedCPU: watchedCPU,
      seen: seen)
  }

  /// The kernel that an earlier session has found, if it is still there: the first snapshot shows it.
  ///
  /// - Parameters:
  ///   - facts: of the kernel with the build-id that is remembered.
  ///   - guide: the memory that earlier answers were made of, with what they have shown of objects that
  ///     lasts; each snapshot shows that it is of this boot.
  /// - Returns: nil where what is remembered fits no kernel.
  public init?(
    recalling remembered: RememberedKernel, _ facts: KernelFacts, guide: RememberedMemory,
    in engine: SnapshotEngine
  ) {
    guard facts.architecture == remembered.architecture, let types = try? facts.types(),
      let linked = try? facts.symbols
    else { return nil }
    (origin, architecture, btf) = (facts.origin, facts.architecture, types)
    buildID = facts.buildID
    lookups = KernelLookups(types)
    banner = facts.banner ?? "Linux"
    (slide, location) = (remembered.slide, remembered.location)
    symbols = linked.slid(by: slide)
    textBase = KernelVirtualAddress(facts.baseAddress &+ slide)
    addressSpace = KernelAddressSpace(
      windows: remembered.windows,
      tables: PageTables(location.tables.format, root: remembered.root),
      pageOffset: remembered.pageOffset.map(KernelVirtualAddress.init))
    (variables, cpuIDs, cpus) = (remembered.variables, remembered.cpuIDs, remembered.cpus)
    (panicCPU, isCrashKernel) = (nil, false)
    vcpus = (0..<remembered.vcpus).map { VCPU(id: $0, place: .kernel) }
    watchedCPU = remembered.watchedCPU
    (seen, isProven) = (remembered.seen, false)
    var known = RememberedMemory(seen.stretches + guide.stretches)
    // Without the word of their boot nothing would say that it is this one.
    if let bootKey, guide.objects[bootKey] != nil { known.objects = guide.objects }
    engine.recall(known)
  }
}
