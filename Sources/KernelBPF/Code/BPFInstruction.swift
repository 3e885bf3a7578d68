import GuestScopeBytes

/// `struct bpf_insn` of include/uapi/linux/bpf.h: 8 bytes, and a part of the kernel's ABI.
public struct BPFInstruction: Hashable, Sendable {
  /// Bytes in memory.
  public static let size = 8

  public var code: UInt8
  /// Numbers of registers, from 0 to 15 in what is damaged.
  public var dst: UInt8
  public var src: UInt8
  public var off: Int16
  public var imm: Int32

  public init(code: UInt8, dst: UInt8 = 0, src: UInt8 = 0, off: Int16 = 0, imm: Int32 = 0) {
    (self.code, self.dst, self.src, self.off, self.imm) = (code, dst, src, off, imm)
  }

  /// - Parameter word: the little-endian number that the instruction is in memory.
  public init(_ word: UInt64) {
    code = UInt8(truncatingIfNeeded: word)
    dst = UInt8(truncatingIfNeeded: word >> 8) & 0xf
    src = UInt8(truncatingIfNeeded: word >> 12) & 0xf
    off = Int16(truncatingIfNeeded: word >> 16)
    imm = Int32(truncatingIfNeeded: word >> 32)
  }

  /// The little-endian number that the instruction is in memory.
  public var word: UInt64 {
    UInt64(code) | UInt64(dst & 0xf) << 8 | UInt64(src & 0xf) << 12
      | UInt64(UInt16(bitPattern: off)) << 16 | UInt64(UInt32(bitPattern: imm)) << 32
  }

  /// As they are in memory.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: word)
    return bytes
  }

  /// The instructions that bytes of memory are; what is left over at the end is dropped.
  public static func all(in bytes: [UInt8]) -> [BPFInstruction] {
    stride(from: 0, to: bytes.count - size + 1, by: size).map { Self(bytes.u64(at: $0)!) }
  }
}

extension BPFInstruction {
  var instructionClass: BPFClass { BPFClass(rawValue: code & 0x07)! }
  /// `BPF_SIZE()`: an index of u32, u16, u8, u64.
  var sizeIndex: Int { Int(code >> 3 & 0x3) }
  var mode: BPFMode { BPFMode(rawValue: code & 0xe0)! }
  /// `BPF_OP()`: the upper four bits.
  var operation: UInt8 { code & 0xf0 }
  /// `BPF_SRC() == BPF_X`: the other operand is a register, and not `imm`.
  var usesRegister: Bool { code & 0x08 != 0 }

  /// The instruction takes two slots: the upper half of its number is the `imm` of the second.
  public var isWide: Bool { code == BPFCode.loadImmediate64 }
}

/// `BPF_CLASS()` of include/uapi/linux/bpf_common.h and bpf.h.
enum BPFClass: UInt8 {
  case ld, ldx, st, stx, alu, jmp, jmp32, alu64
}

/// `BPF_MODE()`: how memory is reached.
enum BPFMode: UInt8 {
  /// Also of a move of 64 bits.
  case imm = 0x00
  case abs = 0x20
  case ind = 0x40
  case mem = 0x60
  case memsx = 0x80
  case probeMem32 = 0xa0
  case atomic = 0xc0
  case probeAtomic = 0xe0

  /// Loads that may fault (BPF_PROBE_MEM of include/linux/filter.h): the number of `abs`, which no
  /// LDX has.
  static let probeMem = BPFMode.abs
}

/// Whole opcodes.
enum BPFCode {
  /// `BPF_LD | BPF_IMM | BPF_DW`
  static let loadImmediate64: UInt8 = 0x18
  /// `BPF_JMP | BPF_CALL`
  static let call: UInt8 = 0x85
  /// `BPF_JMP | BPF_CALL_ARGS` of include/linux/filter.h: a call of a subprogram that is interpreted.
  static let callArgs: UInt8 = 0xe5
  /// `BPF_JMP | BPF_TAIL_CALL` of include/linux/filter.h.
  static let tailCall: UInt8 = 0xf5
  /// `BPF_ALU64 | BPF_MOV | BPF_X`
  static let move: UInt8 = 0xbf
}

/// What `src` of an instruction says where it is not a register: BPF_PSEUDO_* of
/// include/uapi/linux/bpf.h.
enum BPFPseudo {
  // Of BPF_LD | BPF_IMM | BPF_DW.
  static let mapFD: UInt8 = 1
  static let mapValue: UInt8 = 2
  static let function: UInt8 = 4
  static let mapIndexValue: UInt8 = 6
  // Of BPF_CALL.
  static let call: UInt8 = 1
}
