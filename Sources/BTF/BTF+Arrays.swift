import GuestScopeBytes

extension BTF {
  /// This BTF and one more type, an array, as C declares it with `TYPE[count]`: a kernel's BTF has
  /// only the arrays that its variables and members are.
  ///
  /// - Returns: the BTF, in which all ids of this one keep their meaning, and the id of the array.
  public func addingArray(
    of element: TypeID, count: UInt32
  ) throws(BTFError) -> (btf: BTF, id: TypeID) {
    let type: [UInt32] = [
      // No name, the kind, no size; element, no type of index, length.
      0, UInt32(BTFKind.array.rawValue) << 24, 0, element.rawValue, TypeID.void.rawValue, count,
    ]
    let typeBytes = UInt32(4 * type.count)
    // `struct btf_header`: magic, version 1, its length; then the sections of types and of strings.
    // A section of strings ends in NUL.
    var blob: [UInt8] = []
    blob.append(littleEndian: Header.magic)
    blob.append(littleEndian: 1 as UInt16)
    for word in [24, 0, typeBytes, typeBytes, 1] + type { blob.append(littleEndian: word) }
    blob.append(0)
    return (try BTF(blob, base: self), endID)
  }
}
