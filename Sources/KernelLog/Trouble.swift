/// Something in the log that may be why a guest died, or does not do what it should.
public struct Trouble: Hashable, Sendable {
  /// The gravest first.
  public enum Kind: String, CaseIterable, Sendable {
    case panic
    /// The kernel did what it must not, and killed a task for it, or itself.
    case oops
    /// A CPU does not come back to the scheduler, or does not take interrupts.
    case lockup
    /// RCU waits for a CPU or a task.
    case stall
    case hungTask = "hung_task"
    case outOfMemory = "out_of_memory"
    /// The scheduler of sched_ext was thrown out.
    case scheduler = "sched_ext"
    case warning
  }

  public var kind: Kind
  /// What the kernel said, a line.
  public var text: String
  /// Nanoseconds of the log's clock.
  public var time: UInt64
  /// The code that was running, as the kernel prints it: `function+0x12/0x34`; nil where it does not say.
  public var location: String?
  /// How often trouble of this kind was logged; the other members are of the first time.
  public var count = 1
}

extension KernelLog {
  /// The first of each kind, the gravest kind first.
  public var troubles: [Trouble] {
    var found: [Trouble.Kind: Trouble] = [:]
    for (index, record) in records.enumerated() {
      // A process that writes to /dev/kmsg can use any words, but not the facility LOG_KERN.
      guard record.facility == 0, let (kind, text) = Trouble.Pattern.match(record.text) else {
        continue
      }
      if let first = found[kind] {
        // Several lines of one oops match; it has a number.
        let isOops = kind == .oops
        found[kind]?.count = isOops ? max(first.count, Trouble.oopsNumber(text)) : first.count + 1
        continue
      }
      let location = kind == .oops || kind == .lockup ? location(after: index) : nil
      found[kind] = Trouble(kind: kind, text: text, time: record.time, location: location)
    }
    return Trouble.Kind.allCases.compactMap { found[$0] }
  }

  /// The registers of an oops follow within some lines: on arm64 after what the fault was, some twenty.
  private func location(after index: Int) -> String? {
    for record in records[(index + 1)...].prefix(32) {
      for line in record.text.split(separator: "\n") {
        // `show_ip()` of arch/x86/kernel/dumpstack.c.
        if line.hasPrefix("RIP: ") {
          return line.dropFirst(5).split(separator: ":", maxSplits: 1).last.map(String.init)
        }
        // `__show_regs()` of arch/arm64/kernel/process.c.
        if line.hasPrefix("pc : ") { return String(line.dropFirst(5)) }
      }
    }
    return nil
  }
}

extension Trouble {
  /// N of `[#N]`; 1 for a line without it.
  fileprivate static func oopsNumber(_ line: String) -> Int {
    guard let mark = line.firstRange(of: "[#") else { return 1 }
    return Int(line[mark.upperBound...].prefix { $0.isNumber }) ?? 1
  }

  /// A text by which a kind is known.
  struct Pattern {
    var kind: Kind
    /// What the line begins with, or has in it.
    var prefix = ""
    var infix = ""

    static let all = [
      // kernel/panic.c
      Self(kind: .panic, prefix: "Kernel panic - "),
      // kernel/watchdog.c, kernel/watchdog_perf.c
      Self(kind: .lockup, infix: "BUG: soft lockup"),
      Self(kind: .lockup, infix: "Watchdog detected hard LOCKUP"),
      // kernel/workqueue.c
      Self(kind: .lockup, prefix: "BUG: workqueue lockup"),
      // kernel/rcu/tree_stall.h
      Self(kind: .stall, prefix: "rcu: INFO: ", exception: "Stall ended before state dump start"),
      Self(kind: .stall, prefix: "INFO: rcu_"),
      // kernel/hung_task.c; since 6.16 a second line says which lock a task is blocked on.
      Self(kind: .hungTask, prefix: "INFO: task ", infix: " for more than "),
      // mm/oom_kill.c, which says before it for lack of what.
      Self(kind: .outOfMemory, infix: ": Killed process "),
      // kernel/sched/ext.c; one that was unloaded on purpose is `unregistered`.
      Self(
        kind: .scheduler, prefix: "sched_ext: ", infix: " disabled (",
        exception: " disabled (unregistered"),
      // kernel/panic.c, __warn()
      Self(kind: .warning, prefix: "WARNING: "),
      // arch/x86/mm/fault.c, mm/kasan, lib/list_debug.c, kernel/sched/core.c and many others
      Self(kind: .oops, prefix: "BUG: "),
      Self(kind: .oops, prefix: "kernel BUG at "),
      // mm/slub.c: `BUG kmalloc-64 (Not tainted): Right Redzone overwritten`
      Self(kind: .oops, prefix: "BUG ", infix: "ainted"),
      // arch/arm64/mm/fault.c
      Self(kind: .oops, prefix: "Unable to handle kernel "),
      // Each die() numbers its oopses: `Oops: 0002 [#1]`.
      Self(kind: .oops, infix: " [#"),
    ]

    /// What makes it harmless all the same.
    var exception = ""

    func matches(_ line: Substring) -> Bool {
      line.hasPrefix(prefix) && (infix.isEmpty || line.contains(infix))
        && (exception.isEmpty || !line.contains(exception))
    }

    /// The kind of a record, and the line of it that says so.
    static func match(_ text: String) -> (Kind, String)? {
      for line in text.split(separator: "\n") {
        if let pattern = all.first(where: { $0.matches(line) }) {
          return (pattern.kind, String(line))
        }
      }
      return nil
    }
  }
}
