import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `prog dump xlated`: the instructions of BPF programs, as `bpftool prog dump xlated` shows them.
struct ProgDumpXlated: CodeCommand {
  static let configuration = CommandConfiguration(
    commandName: "xlated", abstract: "The instructions of BPF programs, as the verifier left them.",
    usage: "guestscope prog dump xlated [id <n> | name <glob>] ... [opcodes] [linum]",
    discussion: """
      prog dump xlated id 12
      prog dump xlated name reno_init opcodes linum

      Helpers, functions of the kernel, maps and subprograms have their names. Lines of the source \
      stand before the instructions that they were compiled to, where the program brought them. With \
      opcodes each instruction's bytes follow it; with linum each line of the source has its file, \
      line and column.
      """)

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
    let selection = try selection
    let snapshot = try session.ofThisBoot { kernel in try session.bpf(of: kernel).code(query) }
    let programs = snapshot.value
    try selection.admit(programs, unreadable: snapshot.unreadable)
    let text = XlatedText(
      hasOpcodes: selection.flags.contains("opcodes"), hasNumbers: selection.flags.contains("linum")
    )
    let remarks = programs.filter(\.isBlinded).map { code in
      "program \(code.program.id) is blinded: the kernel put pairs of instructions in the place of "
        + "its constants, so this is not the code that was loaded"
    }
    guard programs.count == 1, let only = programs.first else {
      return Answer(
        .array(programs.map { $0.program.codeDocument(text.json($0)) }),
        .lines(
          Array(programs.flatMap { [""] + [$0.program.codeHeader] + text.lines($0) }.dropFirst())),
        missing: snapshot.missing, remarks: remarks)
    }
    return Answer(
      text.json(only), .lines(text.lines(only)), missing: snapshot.missing, remarks: remarks)
  }
}

/// The instructions of a program as text and as JSON.
struct XlatedText {
  var hasOpcodes: Bool
  var hasNumbers: Bool

  func lines(_ code: ProgramCode) -> [String] {
    code.listing.flatMap { listed in
      var lines = listed.prototype.map { [$0 + ":"] } ?? []
      if let line = listed.line?.comment(hasNumbers: hasNumbers) { lines.append(line) }
      let number = "\(listed.index)"
      lines.append(
        String(repeating: " ", count: max(0, 4 - number.count)) + number + ": " + listed.text)
      if hasOpcodes {
        let bytes = listed.insn.bytes + (listed.next?.bytes ?? [])
        lines.append("       " + bytes.spacedHex)
      }
      return lines
    }
  }

  func json(_ code: ProgramCode) -> JSON {
    .array(
      code.listing.map { listed in
        var members: [JSON.Member] = []
        if let prototype = listed.prototype {
          members.append(.init(key: "proto", value: .string(prototype)))
        }
        members += listed.line?.members(hasNumbers: hasNumbers) ?? []
        members.append(.init(key: "disasm", value: .string(listed.text)))
        if hasOpcodes { members.append(.init(key: "opcodes", value: opcodes(listed))) }
        return .object(members)
      })
  }

  private func opcodes(_ listed: ListedInstruction) -> JSON {
    let insn = listed.insn
    let bytes = insn.bytes
    return [
      "code": .string("0x" + UInt64(insn.code).paddedHex(2)), "src_reg": .string(insn.src.hex),
      "dst_reg": .string(insn.dst.hex), "off": JSON(bytes: Array(bytes[2..<4])),
      "imm": JSON(bytes: bytes[4...] + (listed.next?.bytes ?? [])),
    ]
  }
}

extension SourceLine {
  /// Nil for a line whose text is not there.
  func comment(hasNumbers: Bool) -> String? {
    guard let text else { return nil }
    return "; " + text
      + (hasNumbers ? " [file:\(file ?? "") line_num:\(line) line_col:\(column)]" : "")
  }

  /// `btf_dump_linfo_json()` of tools/bpf/bpftool/btf_dumper.c.
  func members(hasNumbers: Bool) -> [JSON.Member] {
    var members = text.map { [JSON.Member(key: "src", value: .string($0))] } ?? []
    guard hasNumbers else { return members }
    if let file { members.append(.init(key: "file", value: .string(file))) }
    if line > 0 { members.append(.init(key: "line_num", value: JSON(line))) }
    if column > 0 { members.append(.init(key: "line_col", value: JSON(column))) }
    return members
  }
}
