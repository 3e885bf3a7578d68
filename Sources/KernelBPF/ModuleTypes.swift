import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension KernelObject {
  /// `container_of()` of a structure that is a module's own, unless it is built into this kernel.
  func container<Outer>(
    _ member: KeyPath<Outer, Place>, ofModule module: String
  ) throws(ReadFault) -> KernelObject<Outer> {
    if let object = try walk.ifKnown(container(member)) { return object }
    return try container(member, by: try walk.layouts(ofModule: module))
  }
}

extension Walk {
  /// Where the structures of a module that is loaded have their members.
  func layouts(ofModule module: String) throws(ReadFault) -> StructLayouts {
    // The module stays as long as it has objects; one that comes back has the same types.
    let key = ObjectKey("types of \(module)", id: 0, at: KernelVirtualAddress(0))
    return try view.constant(key) { () throws(ReadFault) in
      StructLayouts(try types(ofModule: module))
    }
  }

  /// The same, by declarations where the kernel keeps no types of the module, as none before 5.11 does.
  func layouts(
    ofModule module: String, declaring structs: [StructDeclaration]
  ) throws(ReadFault) -> StructLayouts {
    if try has(\BTFStruct.kernelBTF), let layouts = try ifKnown(layouts(ofModule: module)) {
      return layouts
    }
    let key = ObjectKey("declared types of \(module)", id: 0, at: KernelVirtualAddress(0))
    return try view.constant(key) { () throws(ReadFault) in
      do throws(BTFError) {
        return StructLayouts(try .declaring(structs, base: kernel.btf))
      } catch {
        throw .unreadable(Unreadable(.lacking("\(error)"), at: 0))
      }
    }
  }

  /// The types of a module that is loaded.
  func types(ofModule name: String) throws(ReadFault) -> BTF {
    let table: IDTable<BTFStruct>
    do throws(KernelError) { table = try .prepared(for: kernel) } catch {
      throw .unreadable(Unreadable(.lacking("\(error)"), at: 0))
    }
    let modules = try table.list(in: self) { btf throws(ReadFault) in
      btf.name == name ? try btf.decoded() : nil
    }
    guard let types = modules.objects.compactMap({ $0 }).first else {
      throw .unreadable(
        Unreadable(
          .lacking(
            "the guest's kernel has no types of its module \(name): kernels before 5.11 keep no types of "
              + "modules"), at: 0))
    }
    return types
  }
}
