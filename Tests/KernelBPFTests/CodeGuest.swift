import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import TestSupport

/// A guest with a program that has a subprogram, a map, types and lines of source.
struct CodeGuest {
  let guest: SyntheticGuest
  let places: SyntheticProgram.Places
  /// Addresses of the machine code of the program and of its subprogram.
  let code: [UInt64]
  /// What is there.
  static let machineCode: [[UInt8]] = [[0x55, 0x48, 0x89, 0xe5, 0xc9, 0xc3], [0x90, 0xc3]]

  /// As the kernel keeps them; the subprogram begins at 7.
  static let instructions: [BPFInstruction] = [
    // r1 = the value of map 9, 4 bytes on
    BPFInstruction(code: 0x18, dst: 1),
    BPFInstruction(code: 0),
    BPFInstruction(code: 0x39, dst: 2, src: 1, off: 8),
    BPFInstruction(code: 0x85, imm: 0x100),
    // As 7.2 and later have it: the distance in imm.
    BPFInstruction(code: 0x85, src: 1, off: 1, imm: 2),
    BPFInstruction(code: 0xf5),
    BPFInstruction(code: 0x95),
    BPFInstruction(code: 0xb7, imm: 3),
    BPFInstruction(code: 0x95),
  ]

  init() throws {
    let contents = ContentsGuest()
    contents.addArray(9, count: 1)
    guest = contents.guest
    guest.symbols["__bpf_call_base"] = 0x100
    guest.symbols["lab_helper"] = 0x200
    code = Self.machineCode.map { [guest] bytes in
      let (virtual, pages) = guest.vmalloc(pages: 1)
      guest.ram.write(bytes, at: pages[0])
      return virtual
    }
    var program = SyntheticProgram(id: 5, name: "lab")
    program.length = UInt32(Self.instructions.count)
    places = guest.add(program)
    let map = guest.maps[9]!
    var stored = Self.instructions
    let value = map + 272 + 4
    stored[0].imm = Int32(truncatingIfNeeded: value)
    stored[1].imm = Int32(truncatingIfNeeded: value >> 32)
    write(1 as UInt16, places.head, "bpf_prog.pages")
    write(code[0], places.head, "bpf_prog.bpf_func")
    guest.ram.write(
      stored.flatMap(\.bytes), at: places.head + guest.types["bpf_prog.insnsi"])
    write(1 as UInt32, places.aux, "bpf_prog_aux.used_map_cnt")
    write(list([map]), places.aux, "bpf_prog_aux.used_maps")
    addFunctions()
    try addSource()
    guest.writeIDR()
  }

  private func write<T: FixedWidthInteger & BitwiseCopyable>(
    _ value: T, _ object: PhysicalAddress, _ member: String
  ) { guest.ram.write(value, at: object + guest.types[member]) }

  /// Words one after the other.
  private func list(_ words: [UInt64]) -> UInt64 {
    let place = guest.ram.allocate(8 * words.count)
    for (index, word) in words.enumerated() { guest.ram.write(word, at: place + 8 * index) }
    return guest.direct(place)
  }

  private func addFunctions() {
    let functions = zip([7, 2] as [UInt32], code).enumerated().map { index, item in
      let function = guest.ram.allocate(128)
      write(item.0, function, "bpf_prog.len")
      write(item.1, function, "bpf_prog.bpf_func")
      write(UInt32(Self.machineCode[index].count), function, "bpf_prog.jited_len")
      write(guest.direct(guest.ram.allocate(512)), function, "bpf_prog.aux")
      return guest.direct(function)
    }
    write(2 as UInt32, places.aux, "bpf_prog_aux.func_cnt")
    write(list(functions), places.aux, "bpf_prog_aux.func")
  }

  private func addSource() throws {
    var types = BTFBuilder()
    types.int("int", size: 4)
    types.add(.funcProto, "", 1)
    types.add(.func, "lab", 2)
    types.add(.func, "inner", 2)
    let file = types.string("lab.c")
    let lines = [types.string("  return inner();"), types.string("three = 3;")]
    let blob = types.blob
    let bytes = guest.ram.allocate(blob.count)
    guest.ram.write(blob, at: bytes)
    let btf = guest.ram.allocate(128)
    write(guest.direct(bytes), btf, "btf.data")
    write(UInt32(blob.count), btf, "btf.data_size")
    write(77 as UInt32, btf, "btf.id")
    write(guest.direct(btf), places.aux, "bpf_prog_aux.btf")
    func add(_ words: [UInt32], _ count: Int, _ pointer: String, _ counter: String) {
      let place = guest.ram.allocate(4 * words.count)
      for (index, word) in words.enumerated() { guest.ram.write(word, at: place + 4 * index) }
      write(guest.direct(place), places.aux, "bpf_prog_aux.\(pointer)")
      write(UInt32(count), places.aux, "bpf_prog_aux.\(counter)")
    }
    add([0, 3, 7, 4], 2, "func_info", "func_info_cnt")
    add(
      [0, file, lines[0], 20 << 10 | 3, 7, file, lines[1], 30 << 10, 8, 0, 99_999, 0], 3, "linfo",
      "nr_linfo")
    write(list([code[0], code[1], code[1] + 1]), places.aux, "bpf_prog_aux.jited_linfo")
  }

  static let query = ProgramCodeQuery(BPFProgramQuery()) { _, _ in true }
}
