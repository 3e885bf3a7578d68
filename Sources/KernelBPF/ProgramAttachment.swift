import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What a program is for, as it was loaded.
public enum ProgramAttachment: Hashable, Sendable {
  /// A member of a struct_ops type: `cong_avoid` of `tcp_congestion_ops`.
  case structOps(type: String, member: String?)
  /// A function or tracepoint of the kernel, or of a module.
  case kernel(function: String)
  /// A function of another program; the program's name is nil where nothing has it any more.
  case program(name: String?, function: String)
}

extension ProgramReader {
  /// Mirrors `bpf_check_attach_target()` of kernel/bpf/verifier.c, which decides it.
  func attachment(
    _ prog: KernelObject<BPFProgStruct>, _ aux: KernelObject<BPFProgAux>,
    _ made: KernelObject<BPFProgAuxMade>
  ) throws(ReadFault) -> ProgramAttachment? {
    guard let id = made.attachBTFID, id != 0 else { return nil }
    let type = BTF.TypeID(id)
    if prog.type == structOpsType {
      return try structOps(type, index: prog.expectedAttachType, made)
    }
    // A program that is for one of the kernel's is never for another program.
    if let btf = try made.attachBTF {
      return try btf.types().attachName(of: type).map { .kernel(function: $0) }
    }
    if let target = try aux.read(as: BPFProgAuxTarget.self).dstProg {
      let (types, name) = try walk.view.together(
        types(of: target.aux.address), target.aux.fullName())
      return types?.attachName(of: type).map { .program(name: name, function: $0) }
    }
    // Once such a program is attached, it has neither: its link has the target.
    guard let function = try function(of: aux) else { return nil }
    let isKernels =
      !made.has(\.attachBTF) && walk.kernel.btf.attachName(of: type) == function
    return isKernels ? .kernel(function: function) : .program(name: nil, function: function)
  }

  /// `attach_btf_id` names the struct itself, and not that of the map's value; the member is its
  /// number.
  private func structOps(
    _ type: BTF.TypeID, index: UInt32?, _ made: KernelObject<BPFProgAuxMade>
  ) throws(ReadFault) -> ProgramAttachment? {
    let types = try made.attachBTF?.types() ?? walk.kernel.btf
    guard let name = try? types.name(of: type), !name.isEmpty else { return nil }
    let members = (try? types.members(of: type)) ?? []
    let member = index.flatMap { Int($0) < members.count ? members[Int($0)] : nil }
    return .structOps(type: name, member: member.map { types.text($0.name) })
  }

  private func types(of aux: KernelVirtualAddress) throws(ReadFault) -> BTF? {
    try walk.read(BPFProgAuxMade.self, at: aux).btf?.types()
  }

  /// The name is text in the strings of a BTF that may be gone: only where nothing else has it.
  private func function(of aux: KernelObject<BPFProgAux>) throws(ReadFault) -> String? {
    let key = ObjectKey("function of program", id: UInt64(aux.id), at: aux.address)
    do throws(ReadFault) {
      return try walk.view.constant(key) { () throws(ReadFault) in
        try aux.read(as: BPFProgAuxFunction.self).attachFuncName
      }
    } catch {
      guard case .unreadable = error else { throw error }
      return nil
    }
  }
}

extension Walk {
  /// The programs that programs are attached to, by the address of the attached one: its link has
  /// its target.
  func linkedTargets() throws(ReadFault) -> [KernelVirtualAddress: String] {
    let table: IDTable<BPFLinkStruct>
    do throws(KernelError) { table = try .prepared(for: kernel) } catch { return [:] }
    let links = try table.list(in: self) { link throws(ReadFault) in
      guard kernel.linkTypes[link.type] == "tracing",
        let prog = link.address(of: \.prog),
        let target = try link.container(\BPFTracingLink.link).tgtProg?.aux.fullName()
      else { return nil as (KernelVirtualAddress, String)? }
      return (prog, target)
    }
    return Dictionary(links.objects.compactMap { $0 }, uniquingKeysWith: { first, _ in first })
  }
}

extension BPFProgram {
  /// Only a link knows the program that this one is attached to.
  var isAttachedToUnknown: Bool {
    if case .program(nil, _)? = details?.attachment { true } else { false }
  }

  func attached(to targets: [KernelVirtualAddress: String]) -> BPFProgram {
    guard case .program(nil, let function)? = details?.attachment else { return self }
    var named = self
    named.details?.attachment = .program(name: targets[address], function: function)
    return named
  }
}

/// `struct bpf_prog_aux`: the name of what the program is for.
private struct BPFProgAuxFunction: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let attachFuncName = TextLink("attach_func_name")
}

extension BTF {
  /// What programs attach to by a type: a function, or the tracepoint of a `btf_trace_…`.
  func attachName(of type: TypeID) -> String? {
    guard let name = try? name(of: type), !name.isEmpty else { return nil }
    let prefix = "btf_trace_"
    return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
  }
}
