extension BTF {
  /// The id of a type in one BTF, as the kernel and bpftool number them. The ids of a module's types
  /// follow on those of the kernel's.
  public struct TypeID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32

    public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    /// The type that has no entry in any BTF.
    public static let void = TypeID(0)

    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

    public var description: String { "\(rawValue)" }
  }

  /// How many types there are, `void` not among them; those of the base are.
  public var typeCount: Int { Int(endID.rawValue) - 1 }

  /// The ids of all types but `void`, ascending; those of the base are among them.
  public var typeIDs: some Sequence<TypeID> {
    (1..<max(1, endID.rawValue)).lazy.map { TypeID($0) }
  }
}
