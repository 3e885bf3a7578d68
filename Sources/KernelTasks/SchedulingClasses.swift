import GuestScopeLinuxKernel

/// The classes that a kernel has, by the address of their `struct sched_class`.
private struct SchedulingClasses: Sendable {
  var names: [UInt64: String] = [:]

  init(_ kernel: GuestKernel) {
    for name in ["stop", "dl", "rt", "fair", "ext", "idle"] {
      if let address = kernel.symbols.address(of: name + "_sched_class") { names[address] = name }
    }
  }
}

extension GuestKernel {
  /// `fair`, `rt`, `dl`, `ext`, `stop`, `idle`, by the address of their `struct sched_class`; empty
  /// where the kernel does not show them.
  public var schedulingClasses: [UInt64: String] {
    let classes = try? prepared { () throws(KernelError) in SchedulingClasses(self) }
    return classes?.names ?? [:]
  }
}
