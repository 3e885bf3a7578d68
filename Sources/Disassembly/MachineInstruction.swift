/// One instruction of machine code.
public struct MachineInstruction: Hashable, Sendable {
  /// Bytes from the start of the code.
  public var offset: Int
  public var bytes: [UInt8]
  /// `movq`, or `(unknown)` for bytes that libcapstone does not know.
  public var mnemonic: String
  /// As the assembler writes them: `%rsp, %rbp`; empty for none.
  public var operands: String
}

/// What machine code is for.
public enum MachineArchitecture: Sendable {
  case x86
  case arm64

  /// Bytes to go on by after what is not an instruction.
  var step: Int {
    switch self {
    case .x86: 1
    case .arm64: 4
    }
  }
}

/// Why no machine code can be disassembled.
public struct DisassemblyError: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String
}
