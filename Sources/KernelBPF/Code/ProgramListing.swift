/// An instruction as `prog dump xlated` shows it.
public struct ListedInstruction: Sendable {
  public var index: Int
  public var insn: BPFInstruction
  /// The second slot of an instruction that takes two.
  public var next: BPFInstruction?
  /// A function begins here; nil within one, and where its prototype is not known.
  public var prototype: String?
  /// The line of the source that begins here.
  public var line: SourceLine?
  public var text: String
}

extension ProgramCode {
  /// All instructions, those that take two slots once (`dump_xlated_json()` of
  /// tools/bpf/bpftool/xlated_dumper.c).
  public var listing: [ListedInstruction] {
    let disassembler = BPFDisassembler(callee: names.text)
    var listing: [ListedInstruction] = []
    listing.reserveCapacity(instructions.count)
    var (function, line) = (0, 0)
    var index = 0
    while index < instructions.count {
      let insn = instructions[index]
      let next = insn.isWide && index + 1 < instructions.count ? instructions[index + 1] : nil
      var listed = ListedInstruction(
        index: index, insn: insn, next: next, text: disassembler.text(insn, next))
      if function < functions.count, functions[function].start == index {
        listed.prototype = functions[function].prototype
        function += 1
      }
      if let last = lines[min(line, lines.count)...].prefix(while: { $0.start <= index }).last {
        listed.line = last
        line += 1
      }
      listing.append(listed)
      index += insn.isWide ? 2 : 1
    }
    return listing
  }
}
