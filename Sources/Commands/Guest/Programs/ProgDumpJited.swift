import ArgumentParser
import Disassembly
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// `prog dump jited`: the machine code of BPF programs, as `bpftool prog dump jited` shows it.
struct ProgDumpJited: CodeCommand {
  static let configuration = CommandConfiguration(
    commandName: "jited", abstract: "The machine code that BPF programs were compiled to.",
    usage: "guestscope prog dump jited [id <n> | name <glob>] ... [opcodes] [linum]",
    discussion: """
      prog dump jited id 12
      prog dump jited name reno_init opcodes linum

      The functions stand one after the other: the program, then its subprograms. Lines of the source \
      stand before the instructions that they were compiled to. x86-64 is in AT&T syntax. With opcodes each \
      instruction's bytes follow it; with linum each line of the source has its file, line and column.
      """)

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
    let selection = try selection
    let snapshot = try session.ofThisBoot { kernel in
      try session.bpf(of: kernel).machineCode(query)
    }
    let programs = snapshot.value
    try selection.admit(programs, unreadable: snapshot.unreadable)
    let kernel = try session.kernel
    let text = MachineCodeText(
      disassembler: try Disassembler(kernel.machine),
      hasOpcodes: selection.flags.contains("opcodes"),
      hasNumbers: selection.flags.contains("linum"),
      symbol: { kernel.function(at: $0)?.name })
    let refusals = programs.filter { $0.functions == nil }.map {
      "program \($0.program.id) has no machine code: the kernel interprets its instructions "
        + "(prog dump xlated shows them)"
    }
    if refusals.count == programs.count, let first = refusals.first { throw CommandError(first) }
    guard programs.count == 1, let only = programs.first else {
      return Answer(
        .array(programs.map { $0.program.codeDocument(text.json($0)) }),
        .lines(
          Array(
            programs.flatMap { [""] + [$0.program.codeHeader] + text.lines($0) }.dropFirst())),
        missing: snapshot.missing + refusals)
    }
    return Answer(text.json(only), .lines(text.lines(only)), missing: snapshot.missing)
  }
}

extension GuestKernel {
  var machine: MachineArchitecture {
    switch architecture {
    case .x86: .x86
    case .arm64: .arm64
    }
  }
}
