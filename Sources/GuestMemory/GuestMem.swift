/// A source of guest physical memory and vCPU registers: QEMU's gdbserver, a byte buffer, a
/// recording, or a wrapper around any of them. The one seam of this project: every walker gives
/// the same answer over every source.
///
/// Synchronous, with one owner; not `Sendable`.
public protocol GuestMem: AnyObject {
  /// Where the guest has RAM.
  var ram: RAMMap { get }

  /// How the samples of this source relate in time, at this moment.
  var consistency: Consistency { get }

  /// What one sample may hold.
  var limits: SampleLimits { get }

  /// The number of vCPUs; a register is of one below it.
  var cpuCount: Int { get }

  /// What reading registers costs in one sample, besides its ranges.
  func load(of registers: [RegisterKey]) -> SampleLoad

  /// Reads many ranges and registers at *one instant*.
  ///
  /// The answer has an outcome for each range, in order, and for each register. A range outside
  /// RAM is absent. Throws only when the source as a whole failed.
  func sample(
    ranges: [PhysicalRange], registers: [RegisterKey]
  ) throws(GuestMemError) -> Sample

  /// Stops the guest until `release()`; samples in between are of one instant. A frozen source has
  /// nothing to stop, and does nothing.
  func hold() throws(GuestMemError)

  /// Lets a guest go on that `hold()` stopped. A frozen source does nothing.
  func release() throws(GuestMemError)

  /// Reads again what can change while the source is in use: where the guest has RAM, for memory
  /// is plugged in and out. To be called before something is refused for it, once an answer.
  ///
  /// - Returns: whether anything changed.
  func lookAgain() throws(GuestMemError) -> Bool
}

extension GuestMem {
  /// For sources of one vCPU, or of none.
  public var cpuCount: Int { 1 }
  public func load(of registers: [RegisterKey]) -> SampleLoad { SampleLoad() }
  public func lookAgain() -> Bool { false }
}

/// How the samples of a source relate in time.
public enum Consistency: Sendable {
  /// All samples are of the same instant: a stopped or held guest, a byte buffer.
  case frozen
  /// Each sample is of one instant; the guest runs between two of them.
  case instant
}

/// A register of one vCPU, by its name in the target description (`cr3`, `gs_base`, `TTBR1_EL1`).
public struct RegisterKey: Hashable, Sendable, CustomStringConvertible {
  /// The vCPU's index from 0.
  public var cpu: Int
  public var name: String

  public init(cpu: Int, name: String) {
    self.cpu = cpu
    self.name = name
  }

  public var description: String { "\(name) of vCPU \(cpu)" }
}

/// Why something that was asked for is not there.
public struct Absence: Error, Hashable, Sendable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) { self.description = description }
}

/// What one instant of the guest looked like.
public struct Sample: Sendable {
  /// One outcome a range, in the order asked.
  public var memory: [Result<[UInt8], Absence>]
  public var registers: [RegisterKey: Result<UInt64, Absence>]
  /// The instant, in nanoseconds of this machine's CLOCK_REALTIME: when the source's first reply
  /// came.
  public var time: UInt64

  public init(
    memory: [Result<[UInt8], Absence>], registers: [RegisterKey: Result<UInt64, Absence>] = [:],
    time: UInt64
  ) {
    self.memory = memory
    self.registers = registers
    self.time = time
  }
}

/// The source as a whole could not answer.
public struct GuestMemError: Error, Sendable, CustomStringConvertible {
  public enum Kind: Sendable, Hashable {
    /// Nothing listens there.
    case absent
    /// The way there is barred, or what is there is not a gdbserver.
    case unreachable
    /// Connected, and nothing answers.
    case silent
    /// Another client has the stub.
    case busy
    /// The connection broke in the middle.
    case lost
    /// The source does not do what was asked.
    case unsupported
    /// A request that was beyond `limits`.
    case tooLarge
    /// The user interrupted.
    case interrupted
  }

  public var kind: Kind
  /// A sentence with what was attempted, where, and the way out.
  public var description: String

  public init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  public static var interrupted: Self { Self(.interrupted, "interrupted") }

  /// True when a later try may succeed: a source that starts, or that another client leaves.
  public var isTransient: Bool {
    switch kind {
    case .absent, .silent, .busy, .lost: true
    case .unreachable, .unsupported, .tooLarge, .interrupted: false
    }
  }
}
