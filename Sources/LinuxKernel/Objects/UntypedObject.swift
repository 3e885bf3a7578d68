import GuestScopeBTF
import GuestScopeBytes
import GuestScopeGuestMemory

/// An object of the kernel whose type is known only when the program runs: where it is, and the BTF
/// that says what it is. Nothing of it is read before it is asked for.
///
///     let task = try UntypedObject(kernel.btf, "task_struct", at: address)
///     let comm = try task.member(".group_leader->comm", in: view).value(in: view)
///
/// `KernelStruct` is for structures that the program's author knows.
public struct UntypedObject: Sendable {
  public let btf: BTF
  public let type: BTF.TypeID
  public let address: KernelVirtualAddress
  /// Of a bit-field: its bits in the little-endian number at `address`.
  public let bits: Range<Int>?

  public init(
    _ btf: BTF, type: BTF.TypeID, at address: KernelVirtualAddress, bits: Range<Int>? = nil
  ) {
    (self.btf, self.type, self.address, self.bits) = (btf, type, address, bits)
  }

  /// An object of the struct or union with this name.
  public init(
    _ btf: BTF, _ structName: String, at address: KernelVirtualAddress
  ) throws(BTFError) {
    self.init(btf, type: try btf.structID(structName), at: address)
  }

  // MARK: On to others

  /// The object at the end of a path, such as `ops.name` or `.mm->pgd`; pointers on the way are
  /// read.
  ///
  /// - Throws: `ReadFault.missing` when the type has no such members, or a pointer on the way is
  ///   NULL.
  public func member(_ path: String, in view: MemoryView) throws(ReadFault) -> UntypedObject {
    guard let path = MemberPath(path) else {
      throw .missing("'\(path)' is not a path of members", at: address)
    }
    return try follow(path, in: view)
  }

  /// An element of an array, or of what a pointer leads to.
  public func element(_ index: Int, in view: MemoryView) throws(ReadFault) -> UntypedObject {
    try follow(MemberPath([.element(index)]), in: view)
  }

  /// What a pointer points to.
  public func pointee(in view: MemoryView) throws(ReadFault) -> UntypedObject {
    guard let pointee = (try? btf.pointee(of: type)) ?? nil else {
      throw .missing("\(typeName) is not a pointer", at: address)
    }
    let pointer = try view.pointer(at: address)
    guard pointer.rawValue != 0 else { throw .missing("the pointer is NULL", at: address) }
    return UntypedObject(btf, type: pointee, at: pointer)
  }

  /// The object at the end of a way that was found for its type.
  public func follow(_ route: MemberRoute, in view: MemoryView) throws(ReadFault) -> UntypedObject {
    var start = address
    for pointer in route.pointers {
      let place = start + pointer.offset
      start = try view.pointer(at: place)
      guard start.rawValue != 0 else {
        throw .missing("the pointer before \(pointer.step) is NULL", at: place)
      }
    }
    return UntypedObject(btf, type: route.type, at: start + route.offset, bits: route.bits)
  }

  private func follow(_ path: MemberPath, in view: MemoryView) throws(ReadFault) -> UntypedObject {
    let route: MemberRoute
    do throws(BTFError) { route = try btf.route(path, from: type) } catch {
      throw .missing("\(error)", at: address)
    }
    return try follow(route, in: view)
  }

  // MARK: What it holds

  /// The largest object that is read whole, in bytes: a few of the kernel's arrays are larger.
  public static let mostBytes = 1 << 20

  /// As C writes it.
  public var typeName: String { (try? btf.declaration(of: type)) ?? "type \(type)" }

  /// - Throws: `ReadFault.missing` for a type without a size, and for more than `mostBytes`.
  public func bytes(in view: MemoryView) throws(ReadFault) -> [UInt8] {
    guard let size = bits.map({ ($0.upperBound + 7) / 8 }) ?? btf.size(of: type) else {
      throw .missing("\(typeName) has no size, so nothing of it can be shown", at: address)
    }
    guard size <= Self.mostBytes else {
      throw .missing("\(size) bytes are too many to show: name a member", at: address)
    }
    return try view.bytes(at: address, count: size)
  }

  /// What it holds, with the texts that its pointers to characters lead to.
  public func value(in view: MemoryView) throws(ReadFault) -> KernelValue {
    try value(of: try bytes(in: view), in: view)
  }

  /// The same of bytes that are there already.
  public func value(of bytes: [UInt8], in view: MemoryView) throws(ReadFault) -> KernelValue {
    // The value wants many texts, and each may be missing in a pass.
    var misses = false
    let decoder = ValueDecoder(btf) { pointer in
      do throws(ReadFault) { return try view.text(at: pointer) } catch {
        if case .miss = error { misses = true }
        return nil
      }
    }
    let value = decoder.value(type, in: bytes, bits: bits)
    if misses { throw .miss }
    return value
  }
}

extension MemoryView {
  /// The text at an address, up to 128 bytes of it and not beyond its page.
  fileprivate func text(at address: KernelVirtualAddress) throws(ReadFault) -> String {
    let count = min(128, 4096 - Int(address.rawValue & 0xfff))
    let bytes = try bytes(at: address, count: count)
    return bytes.nulTerminatedText + (bytes.contains(0) ? "" : "…")
  }
}
