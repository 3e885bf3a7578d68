import GuestScopeBTF
import GuestScopeGuestMemory

/// The instructions of a program after the verifier's rewriting, and what they were compiled from.
public struct ProgramCode: Sendable {
  public var program: BPFProgram
  /// As BPF_OBJ_GET_INFO_BY_FD gives them to a privileged reader.
  public var instructions: [BPFInstruction]
  /// In the order of their instructions; none for a program without BTF.
  public var functions: [Function]
  public var lines: SourceLines
  public var names: CallNames
  /// Constants were hidden in pairs of instructions (`bpf_jit_blind_constants()` of
  /// kernel/bpf/core.c): the instructions are not those that were loaded.
  public var isBlinded: Bool

  /// A function of a program: `struct bpf_func_info`.
  public struct Function: Hashable, Sendable {
    /// The index of its first instruction.
    public var start: Int
    /// As bpftool writes it; nil where the types do not say it.
    public var prototype: String?
  }
}

/// What calls lead to.
public struct CallNames: Sendable {
  /// The address of `__bpf_call_base`, which calls are relative to; 0 where this kernel's symbols
  /// lack it.
  public var base: UInt64 = 0
  /// The words of `enum bpf_func_id`: a call that the verifier has not rewritten has its number.
  public var helpers: [UInt32: String] = [:]
  /// By address.
  public var symbols: [UInt64: String] = [:]
  /// Addresses of the machine code of a program's functions, the program itself first.
  public var functions: [UInt64] = []

  public init() {}

  /// The address that an instruction calls (`print_call()` of tools/bpf/bpftool/xlated_dumper.c).
  func target(of insn: BPFInstruction) -> UInt64 {
    let index = Int(UInt32(bitPattern: insn.imm))
    if insn.src == BPFPseudo.call, index < functions.count { return functions[index] }
    return base &+ UInt64(bitPattern: Int64(insn.imm))
  }

  /// The name of a helper or of a function of the kernel, or, of a subprogram, where it is and its
  /// symbol: `+12#bpf_prog_0123456789abcdef_name`. An address without a symbol stands for itself.
  public func text(of insn: BPFInstruction) -> String {
    if insn.src == 0, let helper = helpers[UInt32(bitPattern: insn.imm)] { return "bpf_" + helper }
    let address = target(of: insn)
    let name = symbols[address] ?? address.hex
    return insn.src == BPFPseudo.call ? insn.off.withSign + "#" + name : name
  }
}

/// Which programs to read the code of.
public struct ProgramCodeQuery: Sendable {
  public var programs: BPFProgramQuery
  /// Chooses among them, by id and name.
  public var isWanted: @Sendable (UInt64, String) -> Bool

  public init(
    _ programs: BPFProgramQuery, isWanted: @escaping @Sendable (UInt64, String) -> Bool
  ) {
    (self.programs, self.isWanted) = (programs, isWanted)
  }
}
