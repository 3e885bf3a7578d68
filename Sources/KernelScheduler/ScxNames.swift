import GuestScopeBTF
import GuestScopeLinuxKernel

/// What sched_ext's numbers mean in one kernel.
struct ScxNames: Sendable {
  let exitKinds: EnumeratorNames
  let exitFlags: EnumeratorNames
  let opsFlags: EnumeratorNames
  let rqFlags: EnumeratorNames
  let cpuFlags: EnumeratorNames
  let opsStates: EnumeratorNames
  let taskFlags: EnumeratorNames
  /// Up to 7.1; since then states are among the flags of a task.
  let taskStates: EnumeratorNames
  let enableStates: EnumeratorNames
  let events: [Event]
  let hz: UInt64?
  /// SCX_EXIT_DUMP_DFL_LEN, in bytes.
  let defaultDumpLength: UInt64

  /// A counter, `SCX_EV_…`: a member of `struct scx_event_stats`.
  struct Event: Sendable {
    var name: String
    /// Bytes from the start of the structure.
    var offset: Int
  }

  init(_ kernel: GuestKernel) {
    let btf = kernel.btf
    exitKinds = EnumeratorNames(btf, "scx_exit_kind")
    exitFlags = EnumeratorNames(btf, "scx_exit_flags")
    opsFlags = EnumeratorNames(btf, "scx_ops_flags")
    rqFlags = EnumeratorNames(btf, "scx_rq_flags", bits: 32)
    // Since 7.1: until then it is one of the run queue's flags whether a CPU bypasses.
    cpuFlags = EnumeratorNames(btf, "scx_sched_pcpu_flags")
    opsStates = EnumeratorNames(btf, "scx_ops_state")
    taskFlags = EnumeratorNames(btf, "scx_ent_flags", bits: 32)
    taskStates = EnumeratorNames(btf, "scx_task_state", bits: 32)
    // Renamed in 6.16.
    let states = EnumeratorNames(btf, "scx_enable_state")
    enableStates = states.isEmpty ? EnumeratorNames(btf, "scx_ops_enable_state") : states
    events = Self.events(btf)
    defaultDumpLength =
      kernel.enumerator(named: "SCX_EXIT_DUMP_DFL_LEN").flatMap(UInt64.init(exactly:)) ?? 32768
    // HZ is a macro; the longest timeout of the watchdog is 30 seconds in every version.
    hz = kernel.enumerator(named: "SCX_WATCHDOG_MAX_TIMEOUT").flatMap {
      $0 > 0 && $0 <= 30 * 10_000 ? UInt64($0) / 30 : nil
    }
  }

  private static func events(_ btf: BTF) -> [Event] {
    guard let id = try? btf.structID("scx_event_stats"), let members = try? btf.members(of: id)
    else { return [] }
    return members.compactMap { member in
      guard let place = try? btf.place(of: member), place.size == 8 else { return nil }
      return Event(name: btf.text(member.name), offset: place.offset)
    }
  }

  /// Milliseconds of a number of jiffies; nil for a kernel whose HZ is not known.
  func milliseconds(_ jiffies: UInt64) -> UInt64? {
    hz.flatMap { hz in
      hz == 0 ? nil : jiffies / hz &* 1000 &+ jiffies % hz * 1000 / hz
    }
  }

  // MARK: Tasks

  private var stateMask: UInt64 { taskFlags.value(of: "SCX_TASK_STATE_MASK") ?? 0 }

  /// `scx_get_task_state()` of kernel/sched/ext.c: `SCX_TASK_ENABLED`.
  func taskState(_ flags: UInt64) -> String? {
    let state = flags & stateMask
    guard !taskStates.isEmpty else { return taskFlags[state] }
    return taskStates[state >> ((taskFlags.value(of: "SCX_TASK_STATE_SHIFT") ?? 0) & 63)]
  }

  func taskFlagNames(_ flags: UInt64) -> [String] { taskFlags.flags(in: flags & ~stateMask) }

  /// `SCX_OPSS_QUEUED`, and the number of the queueing: both are in `ops_state`.
  func opsState(_ state: UInt64) -> (name: String?, sequence: UInt64) {
    let shift = (opsStates.value(of: "SCX_OPSS_QSEQ_SHIFT") ?? 2) & 63
    return (opsStates[state & (1 << shift - 1)], state >> shift)
  }
}

extension GuestKernel {
  var scxNames: ScxNames {
    (try? prepared { () throws(KernelError) in ScxNames(self) }) ?? ScxNames(self)
  }

  /// False for a kernel without CONFIG_SCHED_CLASS_EXT, as all are before 6.12.
  public var hasSchedExt: Bool { btf.id(named: "sched_ext_entity", kind: .struct) != nil }
}
