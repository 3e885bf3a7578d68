import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_prog_aux`: what the long form of a name is made of.
private struct BPFProgAuxName: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  /// Empty for a program that was not compiled to machine code.
  let ksymName = OptionalMember<String>("ksym.name")
}

private struct BPFProgAuxFunctions: KernelStruct {
  static let kernelName = "bpf_prog_aux"
  let btf = OptionalLink<BTFHead>("btf")
  /// The first function of the program is the program itself.
  let funcInfo = OptionalLink<BPFFuncRecord>("func_info")
}

extension KernelObject<BPFProgAux> {
  /// The name as bpftool shows it (`get_prog_full_name()` of tools/bpf/bpftool/common.c): the
  /// kernel keeps 15 characters, and where a name has as many, the program's own BTF has all of it.
  /// Where that cannot be read, the 15 stand.
  func fullName() throws(ReadFault) -> String {
    guard self.name.utf8.count == 15 else { return self.name }
    let key = ObjectKey("name of program", id: UInt64(self.id), at: address)
    do throws(ReadFault) {
      return try view.constant(key) { () throws(ReadFault) in
        if let name = try nameOfSymbol() { return name }
        return try nameOfType() ?? self.name
      }
    } catch {
      guard case .unreadable = error else { throw error }
      return self.name
    }
  }

  /// `bpf_prog_ksym_set_name()` of kernel/bpf/core.c makes `bpf_prog_`, the tag's 16 digits, `_`,
  /// and the same long name. It is one read, where the BTF takes three waves.
  private func nameOfSymbol() throws(ReadFault) -> String? {
    guard let symbol = try read(as: BPFProgAuxName.self).ksymName else { return nil }
    let words = symbol.split(separator: "_", maxSplits: 3, omittingEmptySubsequences: false)
    guard words.count == 4, words[0] == "bpf", words[1] == "prog", words[2].count == 16,
      // KSYM_NAME_LEN is 128 before 6.1 (commit b8a94bfb3395): such a one may be cut off.
      symbol.utf8.count < 127
    else { return nil }
    return String(words[3])
  }

  /// The name of the program's first function, which never changes, by its own types; nil for a
  /// program that has none, or whose types cannot be read.
  func nameOfFunction() throws(ReadFault) -> String? {
    let key = ObjectKey("function name of program", id: UInt64(self.id), at: address)
    do throws(ReadFault) {
      let name = try view.constant(key) { () throws(ReadFault) in try nameOfType() ?? "" }
      return name.isEmpty ? nil : name
    } catch {
      guard case .unreadable = error else { throw error }
      return nil
    }
  }

  private func nameOfType() throws(ReadFault) -> String? {
    let aux = try read(as: BPFProgAuxFunctions.self)
    let (btf, function) = try view.together(aux.btf, aux.funcInfo)
    guard let btf, let function else { return nil }
    let types = try btf.types()
    let name = try? types.name(of: BTF.TypeID(function.typeID))
    return name.flatMap { $0.isEmpty ? nil : $0 }
  }
}
