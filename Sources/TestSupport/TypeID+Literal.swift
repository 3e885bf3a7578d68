import GuestScopeBTF

/// Tests write the ids of the types that they build as numbers.
extension BTF.TypeID: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: UInt32) { self.init(value) }
}
