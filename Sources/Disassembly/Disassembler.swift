import CGuestScopeCapstone

/// Turns machine code into text, with libcapstone; that of x86-64 in AT&T syntax, as bpftool has it.
public final class Disassembler {
  private let architecture: MachineArchitecture
  private var handle: csh = 0

  /// - Throws: when libcapstone was built without the architecture.
  public init(_ architecture: MachineArchitecture) throws(DisassemblyError) {
    self.architecture = architecture
    let status =
      switch architecture {
      case .x86: unsafe cs_open(CS_ARCH_X86, CS_MODE_64, &handle)
      case .arm64: unsafe cs_open(CS_ARCH_ARM64, CS_MODE_LITTLE_ENDIAN, &handle)
      }
    guard status == CS_ERR_OK else {
      throw DisassemblyError(
        description: "libcapstone cannot disassemble this machine code: "
          + (unsafe String(cString: cs_strerror(status))))
    }
    if architecture == .x86 {
      cs_option(handle, CS_OPT_SYNTAX, Int(CS_OPT_SYNTAX_ATT.rawValue))
    }
  }

  deinit { unsafe cs_close(&handle) }

  /// - Parameter address: of the first byte: jumps have addresses for operands.
  public func instructions(_ code: [UInt8], at address: UInt64) -> [MachineInstruction] {
    guard let buffer = unsafe cs_malloc(handle) else { return [] }
    defer { unsafe cs_free(buffer, 1) }
    var found: [MachineInstruction] = []
    unsafe code.withUnsafeBufferPointer { code in
      var offset = 0
      while offset < code.count {
        var next = unsafe code.baseAddress.map { unsafe $0 + offset }
        var left = code.count - offset
        var place = address &+ UInt64(offset)
        let isOne = unsafe cs_disasm_iter(handle, &next, &left, &place, buffer)
        let count =
          isOne
          ? max(1, Int(unsafe buffer.pointee.size)) : min(architecture.step, code.count - offset)
        let end = min(offset + count, code.count)
        found.append(
          MachineInstruction(
            offset: offset, bytes: unsafe Array(code[offset..<end]),
            mnemonic: isOne ? unsafe Self.text(&buffer.pointee.mnemonic) : Self.unknown,
            operands: isOne ? unsafe Self.text(&buffer.pointee.op_str) : ""))
        offset = end
      }
    }
    return found
  }

  /// Bytes that libcapstone does not know; version 4, which Debian 12 has, does not know the atomics
  /// of arm64 (LSE).
  static let unknown = "(unknown)"

  /// The text in an array of characters of a C structure.
  private static func text<Array>(_ array: inout Array) -> String {
    unsafe withUnsafeBytes(of: &array) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
