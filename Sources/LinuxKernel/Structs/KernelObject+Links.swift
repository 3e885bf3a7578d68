import GuestScopeBytes
import GuestScopeGuestMemory

/// Members that lead to other objects. Each access reads what it leads to, through the view.
extension KernelObject {
  public subscript<Target>(
    dynamicMember member: KeyPath<Struct, Link<Target>>
  ) -> KernelObject<Target> {
    get throws(ReadFault) {
      let link = layout.members[keyPath: member]
      guard let object = try linked(link, as: Target.self) else {
        throw .corrupt(
          "a NULL pointer where \(link.name) of struct \(Struct.kernelName) should lead to a "
            + Target.kernelName, at: address)
      }
      return object
    }
  }

  /// Nil for NULL, and where this kernel lacks the member.
  public subscript<Target>(
    dynamicMember member: KeyPath<Struct, OptionalLink<Target>>
  ) -> KernelObject<Target>? {
    get throws(ReadFault) { try linked(layout.members[keyPath: member], as: Target.self) }
  }

  /// Each CPU's own; nil where this kernel lacks the member.
  public subscript<Target>(
    dynamicMember member: KeyPath<Struct, PerCPULink<Target>>
  ) -> [(cpu: CPU, object: KernelObject<Target>)]? {
    get throws(ReadFault) {
      guard let place = layout.members[keyPath: member].place else { return nil }
      return try walk.copies(of: value(place), as: Target.self)
    }
  }

  /// Nil where this kernel lacks the array or its count.
  public subscript<Element>(
    dynamicMember member: KeyPath<Struct, Items<Element>>
  ) -> [KernelObject<Element>]? {
    get throws(ReadFault) { try items(layout.members[keyPath: member]) }
  }

  /// Nil for NULL, and where this kernel lacks the member.
  public subscript(dynamicMember member: KeyPath<Struct, TextLink>) -> String? {
    get throws(ReadFault) {
      guard let place = layout.members[keyPath: member].place else { return nil }
      let pointer: KernelVirtualAddress = value(place)
      return pointer.rawValue == 0 ? nil : try walk.text(at: pointer)
    }
  }

  private func items<Element>(
    _ items: Items<Element>
  ) throws(ReadFault) -> [KernelObject<Element>]? {
    guard let place = items.place, let counter = items.count.place else { return nil }
    let count: UInt32 = value(counter)
    guard count > 0 else { return [] }
    let array: KernelVirtualAddress = value(place)
    guard count <= items.most else {
      throw .corrupt(
        "\(items.count.name) of struct \(Struct.kernelName) is \(count)", at: address)
    }
    let element = try walk.layout(of: Element.self, type: place.target)
    var addresses = (0..<Int(count)).map { array + element.size * $0 }
    if place.isPointer {
      let pointers = try bytes(of: array, count: 8 * Int(count))
      addresses = (0..<Int(count)).map { KernelVirtualAddress(pointers.u64(at: 8 * $0)!) }
    }
    return try walk.view.each(addresses) { address throws(ReadFault) in
      try walk.read(element, at: address, lasting: lasting)
    }
  }

  /// Bytes that a member leads to.
  private func bytes(
    of array: KernelVirtualAddress, count: Int
  ) throws(ReadFault) -> [UInt8] {
    guard let lasting else { return try walk.view.bytes(at: array, count: count) }
    let part = ObjectKey("bytes", id: UInt64(count), at: array)
    let known = try walk.view.lasting(part, of: lasting) { () throws(ReadFault) in
      [try walk.view.bytes(at: array, count: count)[...]]
    }
    guard let bytes = known?.first, bytes.count == count else {
      return try walk.view.bytes(at: array, count: count)
    }
    return Array(bytes)
  }
}
