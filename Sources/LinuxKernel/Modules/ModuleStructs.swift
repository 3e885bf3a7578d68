import GuestScopeGuestMemory

/// `struct mod_tree_root` of kernel/module/internal.h (kernel/module.c before 5.19): the memory of
/// all modules, by address. Of kernels with CONFIG_MODULES_TREE_LOOKUP, which tracing and perf
/// select.
struct ModTreeRoot: KernelStruct {
  static let kernelName = "mod_tree_root"
  let root = Link<LatchTreeRoot>("root")
  let addrMin = Member<UInt64>("addr_min")
  let addrMax = Member<UInt64>("addr_max")
}

/// A stretch of a module's memory.
protocol ModuleStretch: KernelStruct {
  var base: Member<KernelVirtualAddress> { get }
  var size: Member<UInt32> { get }
  var mod: Link<ModuleStruct> { get }
  var even: Place { get }
  var odd: Place { get }
}

/// `struct module_memory` of include/linux/module.h, since 6.4 (commit ac3b43283923): one of up to
/// seven stretches.
struct ModuleMemory: ModuleStretch {
  static let kernelName = "module_memory"
  let base = Member<KernelVirtualAddress>("base")
  let size = Member<UInt32>("size")
  let mod = Link<ModuleStruct>("mtn.mod")
  let even = Place("mtn.node.node[0]")
  let odd = Place("mtn.node.node[1]")
}

/// `struct module_layout`, before: what stays of a module, and what its start needs.
struct ModuleLayout: ModuleStretch {
  static let kernelName = "module_layout"
  let base = Member<KernelVirtualAddress>("base")
  let size = Member<UInt32>("size")
  let mod = Link<ModuleStruct>("mtn.mod")
  let even = Place("mtn.node.node[0]")
  let odd = Place("mtn.node.node[1]")
}

/// `struct module` of include/linux/module.h.
struct ModuleStruct: KernelStruct {
  static let kernelName = "module"
  let state = Member<UInt32>("state")
  /// MODULE_NAME_LEN is 56.
  let name = Member<String>("name")
  let kallsyms = OptionalLink<ModKallsyms>("kallsyms")
  /// Where the code is.
  let base = OptionalMember<KernelVirtualAddress>("mem[0].base", "core_layout.base")
}

/// `struct mod_kallsyms` of include/linux/module.h.
struct ModKallsyms: KernelStruct {
  static let kernelName = "mod_kallsyms"
  let symtab = Member<KernelVirtualAddress>("symtab")
  let numSymtab = Member<UInt32>("num_symtab")
  let strtab = Member<KernelVirtualAddress>("strtab")
  let typetab = Member<KernelVirtualAddress>("typetab")
}
