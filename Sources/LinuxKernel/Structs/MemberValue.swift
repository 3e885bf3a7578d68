import GuestScopeBytes
import GuestScopeGuestMemory

/// What a member of a structure can be read as.
public protocol MemberValue: Sendable {
  static var form: MemberForm { get }
  /// Bytes in the kernel; nil for a value that each member gives a size of its own.
  static var size: Int? { get }
  /// - Parameter bytes: those of the member, little-endian; of a bit-field its number.
  static func decoded(_ bytes: ArraySlice<UInt8>) -> Self
}

/// Which types of the BTF a member can be of.
public enum MemberForm: Sendable {
  /// `BTF_KIND_INT`, `BTF_KIND_ENUM` or `BTF_KIND_ENUM64`.
  case integer
  case pointer
  /// An array whose elements have this size, in bytes.
  case array(elementSize: Int)
  /// A structure, or a pointer to one.
  case link(any KernelStruct.Type)
  /// A pointer to structures, or to pointers to them.
  case items(any KernelStruct.Type)
  /// A structure of which nothing is read.
  case place
}

extension MemberValue where Self: FixedWidthInteger {
  public static var form: MemberForm { .integer }
  public static var size: Int? { bitWidth / 8 }
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> Self {
    bytes.reversed().reduce(0) { $0 << 8 | Self(truncatingIfNeeded: $1) }
  }
}

/// Also a bit-field of at most eight bits.
extension UInt8: MemberValue {
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> UInt8 { bytes.first ?? 0 }
}
extension UInt16: MemberValue {}
extension UInt32: MemberValue {}
extension UInt64: MemberValue {}
extension Int16: MemberValue {}
extension Int32: MemberValue {}
extension Int64: MemberValue {}

/// A `bool`, or a bit-field of one bit.
extension Bool: MemberValue {
  public static var form: MemberForm { .integer }
  public static var size: Int? { 1 }
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.contains { $0 != 0 } }
}

/// A number of at most eight bytes whose size differs between kernels, without a sign.
public struct AnyNumber: MemberValue {
  public var value: UInt64
  public static var form: MemberForm { .integer }
  public static var size: Int? { nil }
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> AnyNumber {
    AnyNumber(value: .decoded(bytes.prefix(8)))
  }
}

/// A pointer to what is not declared, or is not read here.
extension KernelVirtualAddress: MemberValue {
  public static var form: MemberForm { .pointer }
  public static var size: Int? { 8 }
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> KernelVirtualAddress {
    KernelVirtualAddress(UInt64.decoded(bytes))
  }
}

/// NUL-terminated text in an array of bytes; invalid UTF-8 is replaced.
extension String: MemberValue {
  public static var form: MemberForm { .array(elementSize: 1) }
  public static var size: Int? { nil }
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> String {
    Array(bytes).nulTerminatedText
  }
}

/// An array of bytes, or of words.
extension Array: MemberValue where Element: MemberValue & FixedWidthInteger {
  public static var form: MemberForm { .array(elementSize: Element.bitWidth / 8) }
  public static var size: Int? { nil }
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> [Element] {
    stride(from: bytes.startIndex, to: bytes.endIndex, by: Element.bitWidth / 8).map { start in
      Element.decoded(bytes[start..<Swift.min(start + Element.bitWidth / 8, bytes.endIndex)])
    }
  }
}
