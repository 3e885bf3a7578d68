import GuestScopeBTF

/// Where the declared members of a structure are in one kernel.
public final class StructLayout<Struct: KernelStruct>: Sendable {
  /// `sizeof`, in bytes.
  public let size: Int
  /// The declaration, whose members know their places.
  let members: Struct
  /// The parts of the structure that are read: one, unless members lie far apart.
  let parts: [Range<Int>]
  /// Distinguishes several declarations of one structure, and what another version declares.
  let name: String

  /// Members that are further apart than this, in bytes, are read apart: `task_struct` has 10 KB.
  static var gap: Int { 512 }

  /// - Throws: a `BTFError` that names a required member that is missing, or one whose type is not
  ///   the one that is declared.
  init(type: BTF.TypeID, _ layouts: StructLayouts, depth: Int) throws(BTFError) {
    let members = Struct()
    let declared = Self.declarations(of: members)
    for member in declared {
      try member.find(in: type, called: Struct.kernelName, layouts, depth: depth)
    }
    self.members = members
    size = layouts.btf.size(of: type) ?? 0
    parts = Self.parts(
      of: declared.flatMap { [$0.place?.span, $0.companion?.place?.span] }.compactMap { $0 })
    name = "\(Struct.self) \(parts)"
  }

  /// The bytes of the structure that its declared members lie in.
  var extent: Range<Int> { (parts.first?.lowerBound ?? 0)..<(parts.last?.upperBound ?? 0) }

  /// True when this kernel has the member.
  public func has(_ member: KeyPath<Struct, some DeclaredMember>) -> Bool {
    members[keyPath: member].place != nil
  }

  /// The members that every kernel must have.
  static var requiredPaths: [String] {
    declarations(of: Struct()).filter(\.isRequired).map(\.name)
  }

  private static func declarations(of members: Struct) -> [DeclaredMember] {
    Mirror(reflecting: members).children.compactMap { $0.value as? DeclaredMember }
  }

  private static func parts(of spans: [Range<Int>]) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    for span in spans.sorted(by: { $0.lowerBound < $1.lowerBound }) where !span.isEmpty {
      if let last = parts.last, span.lowerBound - last.upperBound <= gap {
        parts[parts.count - 1] = last.lowerBound..<max(last.upperBound, span.upperBound)
      } else {
        parts.append(span)
      }
    }
    return parts
  }
}
