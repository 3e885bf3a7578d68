import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// Why a scheduler of sched_ext has left.
public struct ScxExit: Sendable {
  /// Where that was found.
  public enum Source: Hashable, Sendable {
    /// The kernel's own `scx_exit_info`, while the scheduler leaves.
    case exitInfo
    /// The same: after it has left, its map of struct_ops leads there, as long as it is registered.
    case structOpsMap(id: UInt64, name: String)
    /// A `struct user_exit_info` among the scheduler's variables.
    case variable(name: String, mapID: UInt64)
    case kernelLog
  }

  public var source: Source
  /// `ops.name` of the scheduler; nil where the source does not say it.
  public var name: String?
  /// Nil where the source does not say it.
  public var kind: UInt64?
  /// `SCX_EXIT_ERROR_STALL`, of `enum scx_exit_kind`.
  public var kindName: String?
  public var code: Int64?
  /// Of `enum scx_exit_flags`; nil before 6.18.
  public var flagNames: [String]?
  /// The CPU that was to blame.
  public var cpu: Int32?
  public var reason: String
  public var message: String
  /// Return addresses, the innermost first.
  public var backtrace: [UInt64] = []
  /// The same as the kernel has logged it: `function+0x12/0x34`.
  public var loggedBacktrace: [String] = []
  /// The kernel's debug dump.
  public var dump: String?
  /// Nanoseconds of the log's clock.
  public var time: UInt64?

  /// True where both are of one exit. The log has messages of errors only.
  func isSame(as other: ScxExit) -> Bool {
    let (isLogged, isError) = (other.source == .kernelLog, !other.message.isEmpty)
    return (name == nil || other.name == nil || name == other.name)
      && (kindName == nil || other.kindName == nil || kindName == other.kindName)
      && reason == other.reason && (message == other.message || (isLogged && !isError))
  }
}

extension [ScxExit] {
  /// Adds those that are not there yet, from another source, which knows each of them once: a scheduler may
  /// leave twice for the same reason, with the same words.
  public mutating func add(_ others: [ScxExit]) {
    var unpaired = [Int](indices)
    for other in others {
      guard let place = unpaired.firstIndex(where: { self[$0].isSame(as: other) }) else {
        append(other)
        continue
      }
      let index = unpaired.remove(at: place)
      self[index].time = self[index].time ?? other.time
    }
  }
}

extension KernelObject<ScxExitInfo> {
  /// SCX_EXIT_BT_LEN, SCX_EXIT_MSG_LEN, and the longest dump that is read.
  private static var mostFrames: UInt32 { 64 }
  private static var mostMessage: Int { 1024 }
  private static var mostDump: Int { 1 << 20 }

  /// - Parameter dumpLength: bytes; 0 for the kernel's default.
  /// - Returns: nil while there is nothing to say: SCX_EXIT_NONE, SCX_EXIT_DONE.
  func exit(
    _ name: String, dumpLength: UInt32, from source: ScxExit.Source
  ) throws(ReadFault) -> ScxExit? {
    let names = kernel.scxNames
    guard names.isExit(UInt64(self.kind)) else { return nil }
    guard self.btLength <= Self.mostFrames else {
      throw .corrupt("a backtrace of \(self.btLength) functions", at: address)
    }
    let size = dumpLength == 0 ? Int(names.defaultDumpLength) : Int(dumpLength)
    let (reason, frames, message, dump) = try view.together(
      self.reason, view.bytes(at: self.bt, count: 8 * Int(self.btLength)),
      walk.longText(at: self.message, most: Self.mostMessage),
      walk.longText(at: self.dump, most: min(size, Self.mostDump)))
    return ScxExit(
      source: source, name: name, kind: UInt64(self.kind),
      kindName: names.exitKinds[UInt64(self.kind)], code: self.code,
      flagNames: self.flags.map(names.exitFlags.flags), cpu: self.cpu.flatMap { $0 < 0 ? nil : $0 },
      reason: reason ?? "", message: message ?? "",
      backtrace: (0..<frames.count / 8).compactMap { frames.u64(at: 8 * $0) },
      dump: dump.flatMap { $0.isEmpty ? nil : $0 })
  }
}

extension ScxNames {
  /// False for SCX_EXIT_NONE and SCX_EXIT_DONE.
  func isExit(_ kind: UInt64) -> Bool {
    kind != 0 && kind != exitKinds.value(of: "SCX_EXIT_DONE") ?? 1
  }
}

extension Walk {
  /// NUL-terminated text of several pages; nil for NULL. Invalid UTF-8 is replaced.
  func longText(at address: KernelVirtualAddress, most: Int) throws(ReadFault) -> String? {
    guard address.rawValue != 0 else { return nil }
    var bytes: [UInt8] = []
    while bytes.count < most, !bytes.contains(0) {
      let start = address + bytes.count
      let restOfPage = 4096 - Int(start.rawValue & 0xfff)
      bytes += try view.bytes(at: start, count: min(restOfPage, most - bytes.count))
    }
    return bytes.nulTerminatedText
  }
}
