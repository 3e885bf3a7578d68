import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A line of /proc/pressure: how long tasks could not go on for lack of something.
public struct Pressure: Sendable {
  /// `cpu`, `memory`, `io`, `irq`: the name of the file.
  public var resource: String
  /// `some` of the tasks waited, or all that were not idle: `full`.
  public var share: String
  /// Per cent of the last 10, 60 and 300 seconds, as of the kernel's last update: it makes none while nothing
  /// runs.
  public var averages: [Double]
  /// Nanoseconds since boot, as of the kernel's last update of the averages.
  public var total: UInt64
}

/// `struct psi_group` of include/linux/psi_types.h.
private struct PSIGroup: KernelStruct {
  static let kernelName = "psi_group"
  /// By NR_PSI_AGGREGATORS, of which the first counts here, and `enum psi_states`.
  let total = Member<[UInt64]>("total")
  /// By `enum psi_states` and three lengths of time, in fixed point.
  let avg = Member<[UInt64]>("avg")
}

extension Walk {
  /// `psi_system` of kernel/sched/psi.c; nil for a kernel that does not keep it.
  func systemPressure() throws(ReadFault) -> [Pressure]? {
    guard let system = try variable("psi_system"),
      try isKeyOn(variable("psi_disabled")) != true,
      let group = try ifKnown(read(PSIGroup.self, at: system))
    else { return nil }
    let (total, averages) = (group.total, group.avg)
    // PSI_NONIDLE, the last, has a total and no line.
    let states = averages.count / 3
    let names = kernel.words(of: "psi_states", prefix: "PSI_")
    return (0..<min(states, total.count)).compactMap { state in
      // `mem_some`
      guard let words = names[UInt32(state)]?.split(separator: "_"), words.count == 2 else {
        return nil
      }
      // psi_show(): that all tasks wait for a CPU means nothing for the whole system, and the kernel says 0
      // (commit 890d550d7dba, 5.19).
      let isMeaningless = words == ["cpu", "full"]
      return Pressure(
        resource: words[0] == "mem" ? "memory" : String(words[0]), share: String(words[1]),
        averages: averages[3 * state..<3 * state + 3].map {
          isMeaningless ? 0 : Double($0) / Self.fixedPoint
        },
        total: isMeaningless ? 0 : total[state])
    }
  }

  /// FIXED_1 of include/linux/sched/loadavg.h.
  private static var fixedPoint: Double { 2048 }
}
