import Disassembly
import GuestScopeBytes
import GuestScopeKernelBPF

/// The machine code of a program as text and as JSON.
struct MachineCodeText {
  var disassembler: Disassembler
  var hasOpcodes: Bool
  var hasNumbers: Bool
  /// The name of what begins at an address of the kernel's own code.
  var symbol: (UInt64) -> String?

  private typealias Row = (line: SourceLine?, instruction: MachineInstruction)

  private func rows(_ function: ProgramMachineCode.Function) -> [Row] {
    var lines = function.lines.cursor
    return disassembler.instructions(function.bytes, at: function.address).map { instruction in
      (lines.next(at: function.address &+ UInt64(instruction.offset)), instruction)
    }
  }

  // MARK: The screen

  func lines(_ code: ProgramMachineCode) -> [String] {
    guard let functions = code.functions else { return ["(not compiled to machine code)"] }
    var all: [String] = []
    for function in functions {
      if !all.isEmpty { all.append("") }
      if let prototype = function.prototype { all.append(prototype + ":") }
      all.append(function.name + ":")
      for row in rows(function) { all += lines(row, code) }
    }
    return all
  }

  private func lines(_ row: Row, _ code: ProgramMachineCode) -> [String] {
    let instruction = row.instruction
    let offset = String(instruction.offset, radix: 16)
    var text = String(repeating: " ", count: max(0, 4 - offset.count)) + offset + ":  "
    text += instruction.mnemonic
    if !instruction.operands.isEmpty {
      text += String(repeating: " ", count: max(1, 8 - instruction.mnemonic.count))
      text += instruction.operands
    }
    if let target = instruction.target, let name = code.symbols[target] ?? symbol(target) {
      text += "  <\(name)>"
    }
    let comment = row.line?.comment(hasNumbers: hasNumbers).map { [$0] } ?? []
    return comment + [text] + (hasOpcodes ? ["       " + instruction.bytes.spacedHex] : [])
  }

  // MARK: JSON

  /// Null for a program that is interpreted.
  func json(_ code: ProgramMachineCode) -> JSON {
    guard let functions = code.functions else { return .null }
    return .array(
      functions.map { function in
        var members: [JSON.Member] = []
        if let prototype = function.prototype {
          members.append(.init(key: "proto", value: .string(prototype)))
        }
        members.append(.init(key: "name", value: .string(function.name)))
        members.append(.init(key: "insns", value: .array(rows(function).map(json))))
        return .object(members)
      })
  }

  /// `disasm_print_insn()` of tools/bpf/bpftool/jit_disasm.c.
  private func json(_ row: Row) -> JSON {
    let instruction = row.instruction
    let operands = instruction.operandWords.map { JSON.string($0) }
    var members = row.line?.members(hasNumbers: hasNumbers) ?? []
    members += [
      .init(key: "pc", value: .string(instruction.offset.hex)),
      .init(key: "operation", value: .string(instruction.mnemonic)),
      .init(key: "operands", value: .array(operands.isEmpty ? [.null] : operands)),
    ]
    if hasOpcodes {
      members.append(.init(key: "opcodes", value: JSON(bytes: instruction.bytes)))
    }
    return .object(members)
  }
}

extension MachineInstruction {
  /// As bpftool takes them apart.
  fileprivate var operandWords: [String] {
    operands.split { " \t,()".contains($0) }.map(String.init)
  }

  /// The address that a call or a jump leads to; nil for what has no such operand.
  fileprivate var target: UInt64? {
    guard let word = operandWords.last else { return nil }
    let digits = word.hasPrefix("#") ? word.dropFirst() : word[...]
    guard digits.hasPrefix("0x") else { return nil }
    return UInt64(digits.dropFirst(2), radix: 16)
  }
}
