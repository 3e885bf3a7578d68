/// A number of things, unsigned, of 1 to 8 bytes: kernels have different widths for it.
public struct KernelCount: MemberValue {
  public var value: UInt64

  public static var form: MemberForm { .integer }
  public static var size: Int? { nil }
  public static func decoded(_ bytes: ArraySlice<UInt8>) -> KernelCount {
    KernelCount(value: UInt64.decoded(bytes.prefix(8)))
  }
}
