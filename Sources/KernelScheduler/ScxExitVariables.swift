import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

extension BPFObjects {
  /// Why schedulers have left, as they have kept it themselves: in a variable of `struct
  /// user_exit_info`, as all of the sched-ext project do, and in `NAME_dump` the kernel's dump. The newest
  /// map first.
  public func scxExitVariables() throws(KernelError) -> Snapshot<[ScxExit]> {
    let names = kernel.scxNames
    return try globals { $0.isExitInfo || $0.isExitDump ? MemberPath() : nil }.map { globals in
      let dumps = globals.values.filter { $0.variable.isExitDump }
      return globals.values.reversed().compactMap { value in
        guard value.variable.isExitInfo, let content = try? value.content.get() else { return nil }
        // A loader makes the maps of an object one after the other.
        let dump = dumps.filter { $0.variable.name == value.variable.name + "_dump" }
          .min { $0.distance(to: value) < $1.distance(to: value) }
        return content.exit(names, of: value.variable, dump: dump)
      }
    }
  }
}

extension GlobalValue {
  fileprivate func distance(to other: GlobalValue) -> UInt64 {
    let (own, others) = (variable.mapID, other.variable.mapID)
    return own < others ? others - own : own - others
  }
}

extension GlobalVariable {
  fileprivate var isExitInfo: Bool {
    (try? btf.name(of: btf.resolve(type))) == "user_exit_info"
  }

  fileprivate var isExitDump: Bool {
    name.hasSuffix("_dump") && section.hasPrefix(".data.") && size <= 1 << 20
  }
}

extension GlobalValue.Content {
  fileprivate func exit(
    _ names: ScxNames, of variable: GlobalVariable, dump: GlobalValue?
  ) -> ScxExit? {
    // An int, which is negative where no CPU was to blame.
    guard let kind = number("kind"), names.isExit(kind & 0xffff_ffff) else { return nil }
    let kept = dump.flatMap { try? $0.content.get() }?.bytes.nulTerminatedText
    return ScxExit(
      source: .variable(name: variable.name, mapID: variable.mapID), kind: kind & 0xffff_ffff,
      kindName: names.exitKinds[kind & 0xffff_ffff],
      code: number("exit_code").map { Int64(bitPattern: $0) }, reason: text("reason"),
      message: text("msg"), dump: kept.flatMap { $0.isEmpty ? nil : $0 })
  }

  private func bytes(of member: String) -> ArraySlice<UInt8>? {
    guard let field = (try? object.btf.field(member, in: object.btf.resolve(object.type))) ?? nil,
      field.offset + field.size <= bytes.count
    else { return nil }
    return bytes[field.offset..<field.offset + field.size]
  }

  private func number(_ member: String) -> UInt64? {
    bytes(of: member).map { $0.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
  }

  private func text(_ member: String) -> String {
    bytes(of: member).map { Array($0).nulTerminatedText } ?? ""
  }
}
