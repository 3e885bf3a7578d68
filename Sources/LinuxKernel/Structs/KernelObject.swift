import GuestScopeBTF
import GuestScopeGuestMemory

/// An object in guest memory, as its declaration names it: `map.max_entries` is `map.maxEntries`.
///
/// Its own members were read with it. A member that leads to another object reads that one:
/// `try map.btf?.id`.
@dynamicMemberLookup
public struct KernelObject<Struct: KernelStruct> {
  public let address: KernelVirtualAddress
  let layout: StructLayout<Struct>
  public let walk: Walk
  /// A stretch of bytes for each of the layout's parts.
  let parts: [ArraySlice<UInt8>]
  /// The object that it belongs to, of one that stays as it is while that lives. What its members lead to
  /// stays so as well.
  var lasting: ObjectKey? = nil

  public var view: MemoryView { walk.view }
  public var kernel: GuestKernel { walk.kernel }

  /// Reads what another declaration has of the same structure.
  public func read<Other: KernelStruct>(
    as declaration: Other.Type
  ) throws(ReadFault) -> KernelObject<Other> {
    try walk.read(declaration, at: address)
  }

  /// The same, of what stays as it is while the object lives.
  public func readLasting<Other: KernelStruct>(
    as declaration: Other.Type
  ) throws(ReadFault) -> KernelObject<Other> {
    try readLasting(declaration, at: address)
  }

  /// Reads what a member leads to, and what stays as it is while this object lives.
  public func readLasting<Other: KernelStruct>(
    _ declaration: Other.Type, at address: KernelVirtualAddress
  ) throws(ReadFault) -> KernelObject<Other> {
    try walk.read(try walk.layout(of: declaration), at: address, lasting: lasting)
  }

  /// True when this kernel has the member.
  public func has(_ member: KeyPath<Struct, some DeclaredMember>) -> Bool { layout.has(member) }

  // MARK: Own members

  public subscript<Value>(dynamicMember member: KeyPath<Struct, Member<Value>>) -> Value {
    // The layout has every member that is required.
    value(layout.members[keyPath: member].place!)
  }

  /// Nil where this kernel lacks the member.
  public subscript<Value>(
    dynamicMember member: KeyPath<Struct, OptionalMember<Value>>
  ) -> Value? {
    layout.members[keyPath: member].place.map(value)
  }

  func value<Value: MemberValue>(_ place: MemberPlace) -> Value {
    let bytes = bytes(place.span)
    guard let bits = place.bits else { return .decoded(bytes) }
    let number = UInt64.decoded(bytes.prefix(8)) >> UInt64(bits.lowerBound)
    return .decoded([UInt8(truncatingIfNeeded: number & (1 << UInt64(bits.count) - 1))])
  }

  /// Bytes of the structure that lie within one of its parts.
  private func bytes(_ range: Range<Int>) -> ArraySlice<UInt8> {
    for (part, bytes) in zip(layout.parts, parts)
    where part.lowerBound <= range.lowerBound && range.upperBound <= part.upperBound {
      let start = bytes.startIndex + range.lowerBound - part.lowerBound
      return bytes[start..<start + range.count]
    }
    return []
  }

  // MARK: Where a link leads

  /// Where an embedded structure is, or one that a pointer leads to; nil for NULL, and where this kernel
  /// lacks the member.
  public func address(
    of member: KeyPath<Struct, some DeclaredMember>
  ) -> KernelVirtualAddress? {
    guard let place = layout.members[keyPath: member].place else { return nil }
    guard place.isPointer else { return address + place.offset }
    let pointer: KernelVirtualAddress = value(place)
    return pointer.rawValue == 0 ? nil : pointer
  }

  /// The structure around this one, in which it is the member: `container_of()` of
  /// include/linux/container_of.h.
  public func container<Outer>(
    _ member: KeyPath<Outer, Place>
  ) throws(ReadFault) -> KernelObject<Outer> {
    let outer = try walk.layout(of: Outer.self)
    return try walk.read(outer, at: address + -outer.members[keyPath: member].place!.offset)
  }

  /// The same, by layouts that are not those of this kernel's own types: a module has others.
  public func container<Outer>(
    _ member: KeyPath<Outer, Place>, by layouts: StructLayouts
  ) throws(ReadFault) -> KernelObject<Outer> {
    let outer = try walk.layout(of: Outer.self, by: layouts)
    return try walk.read(outer, at: address + -outer.members[keyPath: member].place!.offset)
  }

  func linked<Target>(
    _ member: DeclaredMember, as: Target.Type
  ) throws(ReadFault) -> KernelObject<Target>? {
    guard let place = member.place else { return nil }
    let target = try walk.layout(of: Target.self, type: place.target)
    guard place.isPointer else {
      let parts = target.parts.map { part in
        bytes(place.offset + part.lowerBound..<place.offset + part.upperBound)
      }
      return KernelObject<Target>(
        address: address + place.offset, layout: target, walk: walk, parts: parts)
    }
    let pointer: KernelVirtualAddress = value(place)
    return pointer.rawValue == 0 ? nil : try walk.read(target, at: pointer, lasting: lasting)
  }
}
