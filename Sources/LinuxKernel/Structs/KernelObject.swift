import GuestScopeBTF
import GuestScopeGuestMemory

/// The bytes of an object in guest memory, as its declaration names them: `map.max_entries`.
@dynamicMemberLookup
public struct KernelObject<Struct: KernelStruct>: Sendable {
  public let address: KernelVirtualAddress
  let layout: StructLayout<Struct>
  /// A stretch of bytes for each of the layout's parts.
  let parts: [ArraySlice<UInt8>]

  public subscript<Value>(dynamicMember member: KeyPath<Struct, Member<Value>>) -> Value {
    // The layout has every member that is required.
    value(layout.places[layout.declared[keyPath: member].declaration.path]!)
  }

  /// Nil where this kernel lacks the member.
  public subscript<Value>(
    dynamicMember member: KeyPath<Struct, OptionalMember<Value>>
  ) -> Value? {
    layout.places[layout.declared[keyPath: member].declaration.path].map(value)
  }

  /// Nil where this kernel lacks the member, and for a pointer that is NULL.
  public subscript<Target>(
    dynamicMember member: KeyPath<Struct, Link<Target>>
  ) -> Reference<Target>? {
    guard let place = layout.places[layout.declared[keyPath: member].declaration.path],
      let target = place.target as? StructLayout<Target>
    else { return nil }
    if place.isPointer {
      let pointer: KernelVirtualAddress = value(place)
      return pointer.rawValue == 0 ? nil : Reference(address: pointer, layout: target)
    }
    let embedded = target.parts.map { part in
      bytes(place.offset + part.lowerBound..<place.offset + part.upperBound)
    }
    let address = address + place.offset
    return Reference(
      address: address, layout: target,
      embedded: KernelObject<Target>(address: address, layout: target, parts: embedded))
  }

  /// True when this kernel has the member.
  public func has<Target>(_ member: KeyPath<Struct, Link<Target>>) -> Bool { layout.has(member) }

  private func value<Value: MemberValue>(_ place: MemberPlace) -> Value {
    let bytes = bytes(place.span)
    guard let bit = place.bit else { return .decoded(bytes) }
    return .decoded([bytes[bytes.startIndex] >> UInt8(bit) & 1])
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
}

/// Where a structure is that another one leads to.
public struct Reference<Struct: KernelStruct>: Sendable {
  public let address: KernelVirtualAddress
  let layout: StructLayout<Struct>
  /// It was read as a part of the other.
  var embedded: KernelObject<Struct>?

  /// Reads the structure; an embedded one is there already.
  public func read(in view: MemoryView) throws(ReadFault) -> KernelObject<Struct> {
    if let embedded { return embedded }
    return try layout.read(at: address, in: view)
  }
}

extension StructLayout {
  /// Reads the declared members of an object in one read, or one a part where they lie far apart.
  public func read(
    at address: KernelVirtualAddress, in view: MemoryView
  ) throws(ReadFault) -> KernelObject<Struct> {
    let parts = try view.gather { () throws(ReadFault) in
      try self.parts.map { part throws(ReadFault) in
        try view.bytes(at: address + part.lowerBound, count: part.count)[...]
      }
    }
    return KernelObject(address: address, layout: self, parts: parts)
  }
}
