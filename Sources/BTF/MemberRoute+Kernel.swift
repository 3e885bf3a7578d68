extension BTF {
  /// The way along a path that begins at an object of a BPF program and may lead into the kernel's:
  /// `ctx->task.comm`.
  ///
  /// What a program declares of a structure of the kernel need not be all of it, nor be where it is:
  /// its loader has moved each access to where this kernel has the member. So beyond a pointer to
  /// such a structure the kernel's own types count.
  ///
  /// - Returns: the way, and the BTF that has the type at its end.
  public func route(
    _ path: MemberPath, from type: TypeID, kernel: BTF
  ) throws(BTFError) -> (route: MemberRoute, btf: BTF) {
    var (route, btf) = (MemberRoute(type: type), self)
    for step in path.steps {
      guard route.bits == nil else { throw .noStep(step, of: "a bit-field") }
      if let pointee = try btf.pointee(of: route.type) {
        route.pointers.append(MemberRoute.Pointer(offset: route.offset, step: step))
        (btf, route.type) = btf.counterpart(of: pointee, in: kernel)
        route.offset = 0
        if case .element(let index) = step {
          route.offset = index &* (btf.size(of: route.type) ?? 1)
          continue
        }
        // A pointer to a pointer has no members.
        guard try btf.pointee(of: route.type) == nil else {
          throw .noStep(step, of: (try? btf.declaration(of: route.type)) ?? "type \(route.type)")
        }
      }
      let next = try btf.route(MemberPath([step]), from: route.type)
      route.offset &+= next.offset
      (route.type, route.bits) = (next.type, next.bits)
    }
    return (route, btf)
  }

  /// The kernel's type for what a pointer of a program leads to; the program's own where the kernel
  /// has none, or the kernel's type of that name is another one.
  public func counterpart(of id: TypeID, in kernel: BTF) -> (btf: BTF, type: TypeID) {
    guard self !== kernel, base !== kernel, let resolved = try? resolve(id),
      let name = try? structName(of: resolved), let own = try? kernel.structID(name),
      (try? isDeclared(resolved, as: own, in: kernel)) == true
    else { return (self, id) }
    return (kernel, own)
  }

  /// Nil for what is not a struct and for one without a name. `task_struct___old` is a flavor of
  /// `task_struct`: libbpf leaves `___` and what follows it out of account.
  private func structName(of id: TypeID) throws(BTFError) -> String? {
    guard [.struct, .union, .fwd].contains(try kind(of: id)) else { return nil }
    let name = try name(of: id)
    let end = name.utf8.indices.first { name.utf8[$0...].starts(with: "___".utf8) }
    let essential = String(name[..<(end ?? name.endIndex)])
    return essential.isEmpty ? nil : essential
  }

  /// True when a program's struct has no member that the kernel's does not have in the same size.
  private func isDeclared(
    _ id: TypeID, as other: TypeID, in kernel: BTF
  ) throws(BTFError) -> Bool {
    // A forward declaration has none at all.
    for member in try members(of: id) ?? [] where !member.name.isEmpty {
      guard let field = try kernel.place(of: text(member.name), in: other),
        field.bits != nil || field.size == size(of: member.type)
      else { return false }
    }
    return true
  }
}
