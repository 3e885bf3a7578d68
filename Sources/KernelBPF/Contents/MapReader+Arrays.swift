import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_array` of include/linux/bpf.h: what it is made of follows its members. One place has
/// the names `value`, `ptrs` and `pptrs`.
struct BPFArrayContents: KernelStruct {
  static let kernelName = "bpf_array"
  let map = Place("map")
  let elemSize = Member<UInt32>("elem_size")
  let value = Member<[UInt8]>("value")
}

/// `struct bpf_insn_array` of kernel/bpf/bpf_insn_array.c: 6.19 has it. Its values follow it.
private struct BPFInsnArrayContents: KernelStruct {
  static let kernelName = "bpf_insn_array"
  let map = Place("map")
}

/// kernel/bpf/arraymap.c. Memory past `max_entries`, which is there against speculation, is left
/// out.
extension MapReader {
  private var count: Int { Int(head.maxEntries) }

  /// Also `.bss`, `.data`, `.rodata` and `.kconfig`, which have one element.
  func array() throws(ReadFault) -> [MapEntry] {
    let array = try map.container(\BPFArrayContents.map)
    return try flat(at: array.address(of: \.value)!, size: Int(array.elemSize))
  }

  /// Where instructions are that a program can jump to, a `struct bpf_insn_array_value` each.
  func insnArray() throws(ReadFault) -> [MapEntry] {
    let array = try map.container(\BPFInsnArrayContents.map)
    return try flat(
      at: array.address + (try walk.size(of: BPFInsnArrayContents.self)), size: valueSize)
  }

  /// Elements of one size, one after the other.
  private func flat(
    at elements: KernelVirtualAddress, size: Int
  ) throws(ReadFault) -> [MapEntry] {
    guard size >= valueSize else {
      throw .corrupt("an array of elements of \(size) bytes", at: map.address)
    }
    let hidden = try hiddenFields()
    try admit(count, of: size)
    let stretches = Self.stretches(of: try slotsToRead(), size: size)
    return try gather(stretches, isBounded: true) { stretch throws(ReadFault) in
      let start = elements + size * stretch.lowerBound
      return try view.object(Self.key(of: stretch, at: start)) { () throws(ReadFault) in
        let bytes = try view.bytes(at: start, count: size * (stretch.count - 1) + valueSize)
        return stretch.map { index in
          let at = size * (index - stretch.lowerBound)
          return MapEntry(index: index, .bytes(hidden.hiding(Array(bytes[at..<at + valueSize]))))
        }
      }
    }
  }

  func percpuArray() throws(ReadFault) -> [MapEntry] {
    let array = try map.container(\BPFArrayContents.map)
    let pointers = array.address(of: \.value)!
    let hidden = try hiddenFields()
    try admit(count, of: 8)
    // Outside of the elements, whose stops all need them.
    _ = try walk.cpus
    return try gather(try slotsToRead(), isBounded: true) { index throws(ReadFault) in
      let start = pointers + 8 * index
      return try view.object(Self.key(of: index..<index + 1, at: start)) { () throws(ReadFault) in
        [MapEntry(index: index, try perCPU(try view.pointer(at: start), hidden))]
      }
    }
  }

  private static func key(of stretch: Range<Int>, at start: KernelVirtualAddress) -> ObjectKey {
    let noun = stretch.count == 1 ? "element" : "elements from"
    return ObjectKey(noun, id: UInt64(stretch.lowerBound), at: start)
  }

  /// Slots that hold a program or a map, without those that hold none
  /// (`prog_fd_array_sys_lookup_elem()`, `array_of_map_lookup_elem()`).
  func objectArray() throws(ReadFault) -> [MapEntry] {
    let array = try map.container(\BPFArrayContents.map)
    let isOfMaps = type == "array_of_maps"
    return try pointers("slot", at: array.address(of: \.value)!, count: count) {
      index, pointer throws(ReadFault) in
      guard pointer.rawValue != 0 else { return nil }
      let (value, slot) = isOfMaps ? try innerMap(at: pointer) : try program(at: pointer)
      return MapEntry(index: index, value, slot: slot)
    }
  }

  private func program(
    at address: KernelVirtualAddress
  ) throws(ReadFault) -> (MapEntry.Value, MapSlot) {
    let aux = try walk.read(BPFProgStruct.self, at: address).aux
    return (.program(aux.id), .program(id: aux.id, name: try aux.fullName()))
  }

  /// A map that is in another one.
  func innerMap(at address: KernelVirtualAddress) throws(ReadFault) -> (MapEntry.Value, MapSlot) {
    let map = try walk.read(BPFMapStruct.self, at: address)
    return (.map(map.id), .map(id: map.id, name: map.name))
  }
}
