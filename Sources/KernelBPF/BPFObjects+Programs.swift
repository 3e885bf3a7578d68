import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension BPFObjects {
  /// Programs, and what the guest says of them all.
  public struct Programs: ObjectListing {
    public var objects: [BPFProgram]
    public var otherTypes: Int
    /// Whether the guest counts runs; nil when it was not asked for or cannot be read.
    public var statsEnabled: Bool?
  }

  /// The programs that a query asks for, by ascending id.
  ///
  /// - Throws: `KernelError.symbolNotFound` for a kernel without `prog_idr`.
  public func programs(_ query: BPFProgramQuery) throws(KernelError) -> Snapshot<Programs> {
    try snapshot(try programWalker(query))
  }

  /// What reads them, for a walk that reads more than that.
  public func programWalker(
    _ query: BPFProgramQuery
  ) throws(KernelError) -> (Walk) throws(ReadFault) -> Programs {
    let table = try IDTable<BPFProgStruct>.prepared(for: kernel)
    try kernel.require(BPFProgAux.self, BPFProgStats.self)
    // Without the CPUs every counter would be 0.
    if query.wantsRuntime { _ = try kernel.address(of: GuestKernel.perCPUOffsets) }
    let bootTime = query.wantsDetails ? BootTime.prepared(for: kernel) : nil
    let statistics = query.wantsRuntime ? StatisticsSwitch.prepared(for: kernel) : nil
    return { walk throws(ReadFault) in
      let reader = ProgramReader(walk: walk, query: query)
      let (isEnabled, time, list) = try walk.view.together(
        statistics?.isOn(in: walk.view), bootTime?.offset(in: walk.view),
        table.list(query.objects, in: walk, reader.read))
      let isTargetLinked = list.objects.contains(where: \.isAttachedToUnknown)
      let targets = isTargetLinked ? try walk.linkedTargets() : [:]
      return Programs(
        objects: list.objects.map { $0.dated(by: time ?? nil).attached(to: targets) },
        otherTypes: list.otherTypes,
        statsEnabled: isEnabled ?? nil)
    }
  }
}
