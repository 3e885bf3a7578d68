import GuestScopeBTF
import GuestScopeBytes

/// The layouts of one kernel's structures, each found when it is first wanted.
public final class StructLayouts: Sendable {
  public let btf: BTF

  private struct Key: Hashable {
    var declaration: ObjectIdentifier
    /// Nil for the structure of the declaration's name.
    var type: BTF.TypeID?
  }

  private let known = Locked<[Key: any Sendable]>([:])
  private let sizes = Locked<[String: Int]>([:])

  public init(_ btf: BTF) { self.btf = btf }

  /// - Parameter type: the type id of the structure, which may have no name; nil for the one of
  ///   the declaration's name that has all members that are required.
  public func layout<Struct: KernelStruct>(
    of declaration: Struct.Type, type: BTF.TypeID? = nil
  ) throws(BTFError) -> StructLayout<Struct> {
    try layout(of: declaration, type: type, depth: 0)
  }

  /// - Parameter depth: structures that this one is embedded in. Damaged types may embed one in itself.
  private func layout<Struct: KernelStruct>(
    of declaration: Struct.Type, type: BTF.TypeID?, depth: Int
  ) throws(BTFError) -> StructLayout<Struct> {
    let key = Key(declaration: ObjectIdentifier(declaration), type: type)
    if let layout = known.withLock({ $0[key] }) as? StructLayout<Struct> { return layout }
    let named: BTF.TypeID
    if let type {
      named = type
    } else {
      let required = StructLayout<Struct>.requiredPaths
      named = try btf.structID(Struct.kernelName, having: required)
    }
    guard depth < BTF.maxDepth else { throw .tooDeep(id: named) }
    let layout = try StructLayout<Struct>(type: named, self, depth: depth)
    known.withLock { $0[key] = layout }
    return layout
  }

  /// `sizeof` of a structure of which nothing is declared, in bytes.
  public func size(of name: String) throws(BTFError) -> Int {
    if let size = sizes.withLock({ $0[name] }) { return size }
    let size = btf.size(of: try btf.structID(name)) ?? 0
    sizes.withLock { $0[name] = size }
    return size
  }

  func extent(
    of declaration: any KernelStruct.Type, type: BTF.TypeID, depth: Int
  ) throws(BTFError) -> Range<Int> {
    func extent<Struct: KernelStruct>(_: Struct.Type) throws(BTFError) -> Range<Int> {
      try layout(of: Struct.self, type: type, depth: depth).extent
    }
    return try extent(declaration)
  }
}

extension GuestKernel {
  /// Fails early where this kernel lacks what every object needs: without it each would be unreadable.
  public func require(_ structs: any KernelStruct.Type...) throws(KernelError) {
    func find(_ declaration: (some KernelStruct).Type) throws(BTFError) {
      _ = try layouts.layout(of: declaration)
    }
    for declaration in structs {
      do { try find(declaration) } catch { throw .btf(error) }
    }
  }
}
