import GuestScopeBTF
import GuestScopeGuestMemory

/// What an object of the kernel holds, as its type says. How it is shown is not its business: it has
/// neither text for a screen nor the names of symbols.
public enum KernelValue: Hashable, Sendable {
  case unsigned(UInt64)
  case signed(Int64)
  case bool(Bool)
  /// A value of an enum; `name` is nil for one that has no name, and for several names of one value
  /// the first.
  case enumerator(name: String?, value: Int128)
  case pointer(Pointer)
  /// Characters up to the first NUL.
  case text(String)
  /// An array of unsigned bytes.
  case bytes([UInt8])
  /// Of a struct or union, in the order of their declaration. Members of anonymous structs and
  /// unions are among them, padding is not.
  case fields([Field])
  case elements([KernelValue])
  /// The object has no such value: a function of the kernel itself has no module, for example.
  case absent
  /// A type without a form of its own: a float, a function, a number of 128 bits. The text says
  /// which.
  case opaque(String)
  /// The types are damaged, or do not fit the object; the text says why.
  case damaged(String)

  public struct Field: Hashable, Sendable {
    public var name: String
    public var value: KernelValue

    public init(_ name: String, _ value: KernelValue) {
      (self.name, self.value) = (name, value)
    }
  }

  public struct Pointer: Hashable, Sendable {
    public var address: KernelVirtualAddress
    /// The type of what it points to.
    public var type: BTF.TypeID
    /// What it points to, of a pointer to characters that can be read.
    public var text: String?

    public init(_ address: KernelVirtualAddress, to type: BTF.TypeID, text: String? = nil) {
      (self.address, self.type, self.text) = (address, type, text)
    }
  }
}

extension KernelValue {
  /// The value of a member; nil when there is none of this name, or the value is not a struct's.
  public subscript(_ name: String) -> KernelValue? {
    guard case .fields(let fields) = self else { return nil }
    return fields.first { $0.name == name }?.value
  }

  /// The value of an element; nil when there is none.
  public subscript(_ index: Int) -> KernelValue? {
    guard case .elements(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }
}
