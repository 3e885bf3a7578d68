import GuestScopeGuestMemory

/// A module of the kernel, as /proc/modules shows it.
public struct KernelModule: Hashable, Sendable {
  public var name: String
  /// Bytes of its code and data; while it starts, also of what only its start needs.
  public var size: UInt64
  /// How many times it is in use: by other modules, open devices, mounted file systems, and so on.
  public var references: Int
  /// Modules that use it.
  public var users: [String]
  public var state: State
  /// Where its code is.
  public var address: KernelVirtualAddress
  /// Bits of `taints`, which have the numbers of the kernel's own.
  public var taints: UInt64

  /// `enum module_state` of include/linux/module.h, in the words of /proc/modules.
  public enum State: String, Sendable {
    case live = "Live"
    case loading = "Loading"
    case unloading = "Unloading"
  }
}

extension Walk {
  /// The modules, the newest first, as `m_show()` of kernel/module/procfs.c (kernel/module.c before
  /// 5.19) shows them. One that is still being put together is not among them.
  public func modules() throws(ReadFault) -> [KernelModule] {
    try list(at: try symbol("modules"), of: \ListedModule.list) { module throws(ReadFault) in
      try KernelModule(module)
    }
  }
}

/// `struct module` of include/linux/module.h.
private struct ListedModule: KernelStruct {
  static let kernelName = "module"
  let state = Member<UInt32>("state")
  let list = Place("list")
  let name = Member<String>("name")
  /// Since 6.4 (commit ac3b43283923) the code's is the first of seven stretches.
  let base = Member<KernelVirtualAddress>("mem[0].base", "core_layout.base")
  let size0 = OptionalMember<UInt32>("mem[0].size", "core_layout.size")
  let size1 = OptionalMember<UInt32>("mem[1].size", "init_layout.size")
  let size2 = OptionalMember<UInt32>("mem[2].size")
  let size3 = OptionalMember<UInt32>("mem[3].size")
  let size4 = OptionalMember<UInt32>("mem[4].size")
  let size5 = OptionalMember<UInt32>("mem[5].size")
  let size6 = OptionalMember<UInt32>("mem[6].size")
  let taints = Member<UInt64>("taints")
  /// Of kernels from which modules can be taken out (CONFIG_MODULE_UNLOAD).
  let refcnt = OptionalMember<UInt32>("refcnt.counter")
}

/// `struct module_use` of include/linux/module.h.
private struct ModuleUse: KernelStruct {
  static let kernelName = "module_use"
  let sourceList = Place("source_list")
  let source = Link<NamedModule>("source")
}

private struct NamedModule: KernelStruct {
  static let kernelName = "module"
  let name = Member<String>("name")
}

/// The head of the list of those that use a module.
private struct UsedModule: KernelStruct {
  static let kernelName = "module"
  let sourceList = Place("source_list")
}

extension KernelModule {
  /// Nil for one that is still being put together.
  fileprivate init?(_ module: KernelObject<ListedModule>) throws(ReadFault) {
    let states: [State?] = [.live, .loading, .unloading]
    guard Int(module.state) < states.count, let state = states[Int(module.state)] else {
      return nil
    }
    self.init(
      name: module.name, size: module.size, references: 0, users: [], state: state,
      address: module.base, taints: module.taints)
    guard let count = module.refcnt else { return }
    // MODULE_REF_BASE is 1.
    references = Int(Int32(truncatingIfNeeded: count)) - 1
    let head = try module.read(as: UsedModule.self).address(of: \.sourceList)!
    users = try module.walk.list(at: head, of: \ModuleUse.sourceList) { use throws(ReadFault) in
      try use.source.name
    }
  }
}

extension KernelObject<ListedModule> {
  fileprivate var size: UInt64 {
    [
      self.size0, self.size1, self.size2, self.size3, self.size4, self.size5, self.size6,
    ].reduce(0) { $0 + UInt64($1 ?? 0) }
  }
}
