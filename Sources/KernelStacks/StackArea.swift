import GuestScopeBytes
import GuestScopeGuestMemory

/// The memory of one stack.
public struct StackArea: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable {
    case task
    case interrupt = "IRQ"
    /// Of exceptions that cannot trust the stack before them (x86-64): double faults, NMI, debug
    /// traps, machine checks, and faults of encrypted guests.
    case doubleFault = "#DF"
    case nmi = "NMI"
    case debug = "#DB"
    case machineCheck = "#MC"
    case virtualization = "#VC"
    /// Where x86-64 enters the kernel from user mode.
    case entry = "ENTRY"
    /// Where arm64 goes on when a stack has overflowed.
    case overflow = "OVERFLOW"
  }

  public var kind: Kind
  public var range: Range<UInt64>

  /// Nil where no stack can be: for a pointer that is NULL, or garbage.
  init?(_ kind: Kind, from start: UInt64, size: UInt64) {
    let (end, isBeyond) = start.addingReportingOverflow(size)
    guard size > 0, size <= Self.mostBytes, start >> 63 == 1, !isBeyond else { return nil }
    (self.kind, range) = (kind, start..<end)
  }

  func contains(_ address: UInt64, count: Int = 8) -> Bool {
    range.contains(address) && range.upperBound - address >= UInt64(count)
  }

  /// arm64 with pages of 64 KiB has stacks of one page, and KASAN doubles them.
  private static let mostBytes: UInt64 = 256 << 10
}

/// The stacks that a walk may go over, and what was read of them.
struct StackMemory {
  let view: MemoryView
  let areas: [StackArea]
  /// By the start of the area: from where on it was read, and its bytes.
  private var read: [UInt64: (start: UInt64, bytes: [UInt8])] = [:]

  init(_ areas: [StackArea], in view: MemoryView) { (self.areas, self.view) = (areas, view) }

  func area(of address: UInt64, count: Int = 8) -> StackArea? {
    areas.first { $0.contains(address, count: count) }
  }

  /// - Throws: `Unreadable.Reason.corrupt` where the bytes are on no stack.
  @discardableResult
  func check(_ address: UInt64, count: Int) throws(ReadFault) -> StackArea {
    guard let area = area(of: address, count: count) else {
      throw .corrupt("memory of no known stack", at: KernelVirtualAddress(address))
    }
    return area
  }

  /// Reads a stack from an address to its end: all that is in use of it, in one piece.
  ///
  /// - Returns: its words; none where the address is on no stack.
  mutating func read(from address: UInt64) throws(ReadFault) -> [UInt64] {
    let start = address & ~7
    guard let area = area(of: start) else { return [] }
    let count = Int(area.range.upperBound - start)
    let bytes = try view.bytes(at: KernelVirtualAddress(start), count: count)
    read[area.range.lowerBound] = (start, bytes)
    return (0..<count / 8).map { bytes.u64(at: 8 * $0)! }
  }

  /// The word at an address of a stack.
  func word(at address: UInt64) throws(ReadFault) -> UInt64 {
    let area = try check(address, count: 8)
    if let known = read[area.range.lowerBound], known.start <= address,
      let word = known.bytes.u64(at: Int(address - known.start))
    {
      return word
    }
    return try view.u64(at: KernelVirtualAddress(address))
  }
}
