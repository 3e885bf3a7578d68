import GuestScopeBytes
import GuestScopeGuestMemory

/// What `struct bpf_prog` itself says.
struct ProgramHead {
  var type: UInt32
  var aux: KernelVirtualAddress
  var stats: KernelVirtualAddress?
  var tag: [UInt8]?
  var isGPLCompatible: Bool?
  var translatedSize: Int?
  var jitedLength: Int?

  init(
    _ address: KernelVirtualAddress, _ layout: BPFLayout.Program, _ query: BPFProgramQuery,
    _ view: MemoryView
  ) throws(ReadFault) {
    (type, aux) = (0, KernelVirtualAddress(0))
    try view.gather { () throws(ReadFault) in
      type = try view.u32(at: address + layout.type)
      aux = try view.pointer(at: address + layout.aux)
      if query.wantsRuntime, let offset = layout.stats {
        stats = try view.pointer(at: address + offset)
      }
      guard query.wantsDetails else { return }
      if let offset = layout.tag { tag = try view.bytes(at: address + offset, count: 8) }
      if let flag = layout.isGPLCompatible {
        isGPLCompatible = try view.u8(at: address + flag.byte) >> UInt8(flag.bit) & 1 == 1
      }
      // bpf_prog_insn_size(): an instruction is 8 bytes.
      if let offset = layout.length { translatedSize = Int(try view.u32(at: address + offset)) * 8 }
      if let offset = layout.jitedLength { jitedLength = Int(try view.u32(at: address + offset)) }
    }
  }
}

/// What `struct bpf_prog_aux` says. Reads that need nothing from each other: call it in a group.
struct ProgramAuxiliary {
  /// An array of pointers.
  struct List {
    var array: KernelVirtualAddress
    var count: UInt32
  }

  var program: KernelVirtualAddress?
  var id: UInt32?
  var name: String
  var verifiedInstructions: UInt32?
  var stats: KernelVirtualAddress?
  var loadTime: UInt64?
  var user: KernelVirtualAddress?
  var btf: KernelVirtualAddress?
  var usedMaps: List?
  var functions: List?

  init(
    _ address: KernelVirtualAddress, _ layout: BPFLayout.Auxiliary, _ query: BPFProgramQuery,
    _ view: MemoryView
  ) throws(ReadFault) {
    func pointer(_ offset: Int?) throws(ReadFault) -> KernelVirtualAddress? {
      guard let offset else { return nil }
      return try view.pointer(at: address + offset)
    }
    func number(_ offset: Int?) throws(ReadFault) -> UInt32? {
      guard let offset else { return nil }
      return try view.u32(at: address + offset)
    }
    func list(_ array: Int?, _ count: Int?) throws(ReadFault) -> List? {
      guard let array = try pointer(array), let count = try number(count) else { return nil }
      return List(array: array, count: count)
    }
    program = try pointer(layout.program)
    id = try number(layout.id)
    name = try view.bytes(at: address + layout.name, count: layout.nameSize).nulTerminatedText
    verifiedInstructions = try number(layout.verifiedInstructions)
    if query.wantsRuntime { stats = try pointer(layout.stats) }
    guard query.wantsDetails else { return }
    if let offset = layout.loadTime { loadTime = try view.u64(at: address + offset) }
    user = try pointer(layout.user)
    btf = try pointer(layout.btf)
    usedMaps = try list(layout.usedMaps, layout.usedMapCount)
    functions = try list(layout.functions, layout.functionCount)
  }
}
