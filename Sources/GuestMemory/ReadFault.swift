import GuestScopeBytes

/// Why a walker's read did not give a value.
public enum ReadFault: Error, Sendable {
  /// Not in the cache. The range is on the miss list; the engine fetches it and walks again.
  case miss
  /// The guest's memory does not hold what was asked for, or holds garbage there.
  case unreadable(Unreadable)
  /// The guest's kernel is not the one that was found before: a reset, a kexec. Nothing else of the pass
  /// counts. The text is a sentence.
  case kernelChanged(String)
  /// The pass took more reads than it may: a loop in a corrupted guest, most likely.
  case stepLimit
}

/// What could not be read, and why.
public struct Unreadable: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Reason: Hashable, Sendable {
    /// The address translates to no RAM.
    case absent(Absence)
    /// No page is mapped there.
    case notMapped
    /// The bytes contradict what the kernel would keep there.
    case corrupt(String)
    /// The kernel lacks what the reader needs: a symbol, a structure that it knows. The text is a
    /// sentence.
    case lacking(String)
    /// What was asked for does not exist: a pointer on the way is NULL, no object has the id. The text
    /// is the whole sentence.
    case missing(String)
    /// It changed faster than it could be read.
    case moving
    /// After so many waves it still led on: a chain that is too long, or damaged.
    case tooDeep(waves: Int)
    /// A list or a table has more elements than are walked.
    case tooMany(most: Int)
  }

  public var reason: Reason
  public var address: UInt64

  public init(_ reason: Reason, at address: UInt64) {
    self.reason = reason
    self.address = address
  }

  var isOutsideRAM: Bool { reason == .absent(.outsideRAM) }

  public var description: String {
    switch reason {
    case .absent(let absence): "\(address.hex): \(absence)"
    case .notMapped: "\(address.hex) is not mapped"
    case .corrupt(let what): "\(what) at \(address.hex)"
    case .lacking(let what), .missing(let what): what
    case .moving: "it changed faster than it could be read"
    case .tooDeep(let waves):
      "gave up after \(waves) rounds of reads, each of which led to more"
    case .tooMany(let most): "reading stopped after \(most), and there are more"
    }
  }
}

extension ReadFault {
  /// The bytes at an address contradict what the kernel would keep there.
  public static func corrupt(_ what: String, at address: KernelVirtualAddress) -> Self {
    .unreadable(Unreadable(.corrupt(what), at: address.rawValue))
  }

  /// What was asked for does not exist; `what` is a sentence that says so.
  public static func missing(_ what: String, at address: KernelVirtualAddress) -> Self {
    .unreadable(Unreadable(.missing(what), at: address.rawValue))
  }
}

extension MemoryView {
  /// Counts as unreadable what a walk leaves out because there is more than it may read.
  public func countCut(
    _ noun: String, after most: Int, at address: KernelVirtualAddress
  ) throws(ReadFault) {
    _ = try object(ObjectKey(noun, id: UInt64(most), at: address)) { () throws(ReadFault) in
      throw .unreadable(Unreadable(.tooMany(most: most), at: address.rawValue))
    }
  }
}

extension Unreadable {
  /// True when nothing is damaged: what was asked for does not exist.
  public var isMissing: Bool { if case .missing = reason { true } else { false } }
  /// The kernel does not have what was asked for.
  var isLacking: Bool { if case .lacking = reason { true } else { false } }
}
