import GuestScopeBTF

/// What all declarations of members have in common: the kernel's spellings, what they must be, and
/// where the BTF of one kernel has found them.
///
/// `Sendable` without a check: `place` is set when the layout is made that the declaration belongs
/// to, and never again.
public class DeclaredMember: @unchecked Sendable {
  /// The first that a kernel has counts.
  let paths: [String]
  /// What errors call it.
  var name: String { paths[paths.count - 1] }
  let isRequired: Bool
  let form: MemberForm
  /// Bytes that the member must have; nil for any number.
  let size: Int?
  /// A member that is declared along with this one.
  let companion: DeclaredMember?
  /// Nil where this kernel lacks the member.
  private(set) var place: MemberPlace?

  init(
    _ paths: [String], isRequired: Bool, _ form: MemberForm, size: Int? = nil,
    with companion: DeclaredMember? = nil
  ) {
    (self.paths, self.isRequired, self.form) = (paths, isRequired, form)
    (self.size, self.companion) = (size, companion)
  }

  /// Looks the member up in a structure.
  ///
  /// - Throws: a `BTFError` that names a required member that is missing, or one whose type is not
  ///   the one that is declared.
  func find(
    in type: BTF.TypeID, called structName: String, _ layouts: StructLayouts, depth: Int
  ) throws(BTFError) {
    try companion?.find(in: type, called: structName, layouts, depth: depth)
    for path in paths {
      guard let field = try layouts.btf.field(path, in: type) else { continue }
      place = try MemberPlace(
        field, of: self, path: path, structName: structName, layouts, depth: depth)
      return
    }
    guard !isRequired else { throw .noMember(path: name, structName: structName) }
  }
}

/// Where a declared member is, in bytes from the start of its structure.
struct MemberPlace {
  var offset: Int
  var size: Int
  /// Of a bit-field, in the little-endian number at `offset`.
  var bits: Range<Int>?
  /// The type at the end of a link; nil where the BTF does not say it and the declaration's name
  /// does.
  var target: BTF.TypeID?
  /// A pointer stands between, or, for items, between each of them.
  var isPointer = false
  /// What must be read to have the member.
  var span: Range<Int>
}
