/// The way from an object to a part of it, or of what it points to: what a path comes to by the types
/// alone. Only the pointers on the way are still to be read.
public struct MemberRoute: Hashable, Sendable {
  /// A pointer on the way.
  public struct Pointer: Hashable, Sendable {
    /// Bytes from where the way begins, or from where the pointer before leads to.
    public var offset: Int
    /// The step of the path that goes through it.
    public var step: MemberPath.Step
  }

  public var pointers: [Pointer] = []
  /// Bytes from where the last pointer leads to, or from where the way begins.
  public var offset = 0
  /// Of what is at the end of the way.
  public var type: BTF.TypeID
  /// Of a bit-field: its bits in the little-endian number at `offset`.
  public var bits: Range<Int>?
}

extension BTF {
  /// The way along a path. This is the one reading of paths: members of anonymous structs and unions
  /// count as the struct's own, pointers are followed, and of a pointer an index counts from where
  /// it leads to.
  ///
  /// - Throws: a `BTFError` that names the type and the step that it does not have.
  public func route(
    _ path: MemberPath, from type: TypeID
  ) throws(BTFError) -> MemberRoute {
    var route = MemberRoute(type: type)
    for step in path.steps { try take(step, on: &route) }
    return route
  }

  /// The names that a path may go on with, those of anonymous members among them; none where it
  /// leads to no struct or union.
  public func memberNames(after path: MemberPath, from type: TypeID) throws(BTFError) -> [String] {
    let end = try route(path, from: type).type
    return try layout(of: try pointee(of: end) ?? end)?.map(\.name).filter { !$0.isEmpty } ?? []
  }

  /// The type that a pointer points to; nil for any other type.
  public func pointee(of id: TypeID) throws(BTFError) -> TypeID? {
    if case .ptr(let pointee) = try type(try resolve(id)) { pointee } else { nil }
  }

  private func take(_ step: MemberPath.Step, on route: inout MemberRoute) throws(BTFError) {
    guard route.bits == nil else { throw .noStep(step, of: "a bit-field") }
    if let pointee = try pointee(of: route.type) {
      route.pointers.append(MemberRoute.Pointer(offset: route.offset, step: step))
      (route.offset, route.type) = (0, pointee)
      if case .element(let index) = step {
        route.offset = index &* (size(of: pointee) ?? 1)
        return
      }
    }
    let resolved = try resolve(route.type)
    switch (step, try type(resolved)) {
    case (.member(let name), .struct), (.member(let name), .union):
      guard let field = try place(of: name, in: resolved) else {
        throw .noStep(step, of: text(of: resolved))
      }
      route.offset &+= field.offset
      (route.type, route.bits) = (field.type, field.bits)
    case (.element(let index), .array(let element, _, let count)):
      // An array without a length ends a struct, and goes on as far as its object does.
      guard index < count || count == 0 else {
        throw .outOfBounds(index, count: count, of: text(of: route.type))
      }
      route.offset &+= index &* (size(of: element) ?? 1)
      route.type = element
    default: throw .noStep(step, of: text(of: route.type))
    }
  }

  /// A type for a message.
  private func text(of id: TypeID) -> String { (try? declaration(of: id)) ?? "type \(id)" }
}
