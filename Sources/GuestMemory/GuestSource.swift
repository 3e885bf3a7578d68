/// A source that knows the machine around the memory: its vCPUs, what it is called, whether it
/// runs. Commands ask this, and know no particular source.
public protocol GuestSource: GuestMem {
  /// What the user calls it: `127.0.0.1:1234`.
  var identity: String { get }

  /// Numbers that distinguish this guest's machine from the next one with the same identity.
  var incarnation: [Int] { get }

  /// What the source reported about its machine, encoded for another session.
  var machineRecord: [UInt8] { get }

  /// Whether the guest runs between samples.
  var runState: RunState { get }

  /// True between `hold()` and `release()`.
  var isHeld: Bool { get }

  /// The architecture in the source's words: `i386:x86-64`, `aarch64`.
  var architecture: String { get }

  /// The indices of the vCPUs, ascending. Those that can be plugged in later leave gaps.
  var cpus: [Int] { get }

  /// The vCPUs whose registers the source gives.
  func readableCPUs() throws(GuestMemError) -> [Int]

  /// The names of the registers that a 64-bit number holds, in the order to show them.
  var wordRegisterNames: [String] { get }

  /// The stops since the last call; none for a source that stops nothing.
  func takeStatistics() -> StopStatistics
}

/// Whether the guest runs when we are not there.
public enum RunState: Sendable, Equatable {
  case running
  /// Stopped by somebody else, with the source's word for why: `prelaunch`, `guest-panicked`; nil
  /// after a plain `stop`.
  case stopped(reason: String?)
}
