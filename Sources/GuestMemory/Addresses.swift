import GuestScopeBytes

/// An address in the guest's physical address space. Arithmetic wraps modulo 2^64.
public struct PhysicalAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var rawValue: UInt64

  @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  @inlinable
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  @inlinable
  public static func + (a: Self, offset: UInt64) -> Self { Self(a.rawValue &+ offset) }

  @inlinable
  public static func + (a: Self, offset: Int) -> Self {
    Self(a.rawValue &+ UInt64(bitPattern: Int64(offset)))
  }

  public var description: String { "physical " + rawValue.hex }
}

/// An address in the guest kernel's virtual address space. Arithmetic wraps modulo 2^64, as
/// per-CPU pointers and a "negative" `phys_base` need it to.
public struct KernelVirtualAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var rawValue: UInt64

  @inlinable public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  @inlinable
  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  @inlinable
  public static func + (a: Self, offset: UInt64) -> Self { Self(a.rawValue &+ offset) }

  @inlinable
  public static func + (a: Self, offset: Int) -> Self {
    Self(a.rawValue &+ UInt64(bitPattern: Int64(offset)))
  }

  public var description: String { rawValue.hex }
}

/// `count` bytes of guest physical memory from `start`.
public struct PhysicalRange: Hashable, Sendable, CustomStringConvertible {
  public var start: PhysicalAddress
  public var count: Int

  @inlinable
  public init(_ start: PhysicalAddress, count: Int) {
    self.start = start
    self.count = count
  }

  /// The address after the last byte; wraps to 0 at the end of the address space.
  @inlinable public var end: PhysicalAddress { start + count }

  public var description: String { "\(start)+\(count)" }
}
