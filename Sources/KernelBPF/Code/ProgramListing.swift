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
    var (function, index) = (0, 0)
    var line = lines.cursor
    while index < instructions.count {
      let insn = instructions[index]
      let next = insn.isWide && index + 1 < instructions.count ? instructions[index + 1] : nil
      var listed = ListedInstruction(
        index: index, insn: insn, next: next, text: disassembler.text(insn, next))
      if function < functions.count, functions[function].start == index {
        listed.prototype = functions[function].prototype
        function += 1
      }
      listed.line = line.next(at: UInt64(index))
      listing.append(listed)
      index += insn.isWide ? 2 : 1
    }
    return listing
  }
}
