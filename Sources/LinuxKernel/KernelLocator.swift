import GuestScopeGuestMemory

/// A way to find where the kernel may be that a vCPU is in. What it finds are candidates: the
/// build-id or the banner at a place decides.
protocol KernelLocator: Sendable {
  /// Places to look at, the likeliest first.
  ///
  /// - Throws: `KernelError.noKernel` with what the vCPU does instead of running one.
  func candidates(
    for vcpu: VCPURegisters, _ engine: SnapshotEngine
  ) throws(KernelError) -> [KernelLocation]
}

/// Looks where the page tables that a vCPU has loaded map an image.
struct PageTableLocator: KernelLocator {
  var architecture: any KernelArchitecture

  func candidates(
    for vcpu: VCPURegisters, _ engine: SnapshotEngine
  ) throws(KernelError) -> [KernelLocation] { [try architecture.locate(vcpu, engine)] }
}
