import Testing

@testable import GuestScopeKernelLog

/// What is taken for trouble, in words of kernels that died.
@Suite struct TroubleTests {
  private func log(_ texts: [String], facility: UInt8 = 0) -> KernelLog {
    KernelLog(
      records: texts.enumerated().map { index, text in
        LogRecord(
          sequence: UInt64(index), time: UInt64(index) * 1_000_000, level: LogLevel(1),
          facility: facility, caller: .thread(1), text: text, isContinuation: false, isFinal: true)
      })
  }

  @Test func anOopsHasItsPlaceAndThePanicIsFirst() {
    let log = log([
      "BUG: kernel NULL pointer dereference, address: 0000000000000000",
      "#PF: supervisor write access in kernel mode",
      "Oops: 0002 [#1] PREEMPT SMP NOPTI",
      "CPU: 0 PID: 93 Comm: sh Not tainted 6.1.0 #1",
      "RIP: 0010:sysrq_handle_crash+0x16/0x20",
      "Kernel panic - not syncing: Fatal exception",
    ])
    let troubles = log.troubles
    #expect(troubles.map(\.kind) == [.panic, .oops])
    #expect(troubles[0].text == "Kernel panic - not syncing: Fatal exception")
    #expect(troubles[1].text == "BUG: kernel NULL pointer dereference, address: 0000000000000000")
    #expect(troubles[1].location == "sysrq_handle_crash+0x16/0x20")
    #expect(troubles.map(\.count) == [1, 1] && troubles.map(\.time) == [5_000_000, 0])
  }

  @Test func arm64HasOtherWords() {
    let log = log([
      "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000",
      "Internal error: Oops: 0000000096000044 [#3] SMP", "pc : die_here+0x20/0x40",
    ])
    #expect(log.troubles.map(\.location) == ["die_here+0x20/0x40"])
    #expect(log.troubles.map(\.count) == [3])
  }

  /// Each says in a second line what it is about, or that it is over.
  @Test func aHungTaskAndAStallCountOnce() {
    let log = log([
      "INFO: task sleeper:81 blocked for more than 120 seconds.",
      "INFO: task sleeper:81 is blocked on a mutex likely owned by task owner:80.",
      "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
      "rcu: INFO: Stall ended before state dump start",
    ])
    #expect(log.troubles.map(\.kind) == [.stall, .hungTask])
    #expect(log.troubles.map(\.count) == [1, 1])
  }

  /// What arm64 says of the fault stands between its first line and the registers.
  @Test func theRegistersOfAnOopsMayBeFar() {
    let between = ["Mem abort info:"] + Array(repeating: "  of the fault", count: 20)
    let log = log(
      ["Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008"]
        + between + ["pc : gs_null+0x8/0x20 [gs_dying]"])
    #expect(log.troubles.map(\.location) == ["gs_null+0x8/0x20 [gs_dying]"])
  }

  @Test(arguments: [
    ("watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [spin:99]", Trouble.Kind.lockup),
    ("NMI watchdog: Watchdog detected hard LOCKUP on cpu 0", .lockup),
    ("rcu: INFO: rcu_preempt self-detected stall on CPU", .stall),
    ("INFO: rcu_sched detected stalls on CPUs/tasks:", .stall),
    ("INFO: task sleeper:81 blocked for more than 120 seconds.", .hungTask),
    ("Out of memory: Killed process 97 (hog) total-vm:1kB", .outOfMemory),
    ("Memory cgroup out of memory: Killed process 97 (hog) total-vm:1kB", .outOfMemory),
    (
      "Out of memory (oom_kill_allocating_task): Killed process 97 (hog) total-vm:1kB", .outOfMemory
    ),
    ("BUG kmalloc-64 (Not tainted): Right Redzone overwritten", .oops),
    ("sched_ext: BPF scheduler \"simple\" disabled (runnable task stall)", .scheduler),
    ("WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x1/0x2", .warning),
    ("kernel BUG at mm/slub.c:4000!", .oops),
    ("BUG: scheduling while atomic: sh/93/0x00000002", .oops),
    ("Oops: general protection fault, probably for non-canonical address 0x1: 0000 [#1]", .oops),
  ])
  func eachKindIsKnown(text: String, kind: Trouble.Kind) {
    #expect(log([text]).troubles.map(\.kind) == [kind])
    #expect(log([text, text]).troubles.first?.count == (kind == .oops ? 1 : 2))
    // A task that writes to /dev/kmsg cannot make up what the kernel says.
    #expect(log([text], facility: 1).troubles.isEmpty)
  }

  @Test func ordinaryWordsAreNoTrouble() {
    let texts = [
      "sched_ext: BPF scheduler \"simple\" enabled",
      "sched_ext: BPF scheduler \"simple\" disabled (unregistered from user space)",
      "printk: BUG-free", "A warning: nothing",
      "INFO: task force", "",
    ]
    #expect(log(texts).troubles.isEmpty)
  }

  @Test func taintHasTheLettersOfTheKernel() {
    let taint: Taint = [.died, .warned]
    #expect(taint.letters == "DW")
    #expect(Taint(rawValue: 1 | 1 << 12 | 1 << 40).letters == "PO")
  }
}
