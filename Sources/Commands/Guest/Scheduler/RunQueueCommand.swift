import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelLog
import GuestScopeKernelScheduler

/// `runqueue`: what each CPU has to do, and where its time has gone.
struct RunQueueCommand: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "runqueue",
    abstract: "Run queues and times of the CPUs, and what the system waits for (PSI).",
    discussion: """
      CLOCK is the run queue's, in seconds; NR is how many tasks run or want to, and the columns \
      after it how many of each class. Times are in seconds since boot. idle and iowait are the \
      kernel's own where the tick goes on while a CPU is idle, and otherwise without the idle \
      period that the CPU is in.

      runqueue
      runqueue 1 -j

      -j has times in nanoseconds, softirqs and the numbers of /proc/schedstat as well, and null \
      where this kernel does not keep them. The counts of schedstat are 0 while the sysctl \
      kernel.sched_schedstats is off.
      """)

  @Argument(
    help: ArgumentHelp("Only this CPU, by the kernel's number of it.", valueName: "cpu"))
  var cpu: Int?
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let fields: [Field<RunQueue>] = [
    Field("cpu", .number("CPU")) { JSON($0.cpu) },
    Field("clock_ns") { .unsigned($0.clock) },
    .onScreen(.number("CLOCK")) { $0.clock.logSeconds },
    Field("nr_running", .number("NR")) { .unsigned($0.running) },
    Field("cfs", .number("CFS")) { .unsigned($0.fair) },
    Field("rt", .number("RT")) { .unsigned($0.realTime) },
    Field("dl", .number("DL")) { .unsigned($0.deadline) },
    Field("scx_running", .number("SCX")) { JSON($0.ext) },
    Field("nr_switches", .number("SWITCHES")) { .unsigned($0.switches) },
    Field("pid", .number("PID")) { JSON($0.current.pid) },
    Field("comm", .text("CURRENT")) { .string($0.current.comm) },
    Field("class", .text("CLASS")) { JSON($0.currentClass) },
    Field("scx") { JSON($0.scx, scxFields) },
    Field("schedstat") { JSON($0.statistics, statisticsFields) },
    Field("time_ns") { queue in
      .object(queue.allTimes.map { .init(key: $0.name, value: .unsigned($0.nanoseconds)) })
    },
    Field("interrupts") { .unsigned($0.interrupts) },
    Field("softirqs") { queue in
      .object(queue.softirqs.map { .init(key: $0.name, value: JSON($0.count)) })
    },
  ]

  static let scxFields: [Field<RunQueue.ScxNumbers>] = [
    Field("nr_running") { JSON($0.running) },
    Field("flags") { .array($0.flagNames.map { .string($0) }) },
    Field("cpu_released") { JSON($0.released) },
    Field("local_dsq_nr") { JSON($0.local) },
  ]

  static let statisticsFields: [Field<RunQueueStatistics>] = [
    Field("yld_count") { JSON($0.yields) },
    Field("sched_count") { JSON($0.schedules) },
    Field("sched_goidle") { JSON($0.idles) },
    Field("ttwu_count") { JSON($0.wakeups) },
    Field("ttwu_local") { JSON($0.localWakeups) },
    Field("rq_cpu_time_ns") { .unsigned($0.runTime) },
    Field("run_delay_ns") { .unsigned($0.waitTime) },
    Field("pcount") { .unsigned($0.slices) },
  ]

  static let pressureFields: [Field<Pressure>] = [
    Field("resource", .text("PRESSURE")) { .string($0.resource) },
    Field("share", .text("SHARE")) { .string($0.share) },
    Field("avg10") { .number($0.averages[0]) },
    Field("avg60") { .number($0.averages[1]) },
    Field("avg300") { .number($0.averages[2]) },
    .onScreen(.number("AVG10")) { fixed($0.averages[0], 2) },
    .onScreen(.number("AVG60")) { fixed($0.averages[1], 2) },
    .onScreen(.number("AVG300")) { fixed($0.averages[2], 2) },
    Field("total_ns") { .unsigned($0.total) },
    .onScreen(.number("TOTAL")) { $0.total.logSeconds },
  ]

  func answer(in session: Session) throws -> Answer {
    let snapshot = try session.ofThisBoot { kernel in
      try session.walk(kernel) { walk throws(ReadFault) in try walk.runQueues() }
    }
    var queues = snapshot.value
    if let cpu {
      let count = queues.cpus.count
      queues.cpus.removeAll { $0.cpu != cpu }
      guard !queues.cpus.isEmpty else {
        throw CommandError("the guest has no CPU \(cpu): it has \(counted(count, "CPU"))")
      }
    }
    let pressure = queues.pressure.map { Table($0, Self.pressureFields) }
    let tables = [Table(queues.cpus, Self.fields), queues.times] + [pressure].compactMap { $0 }
    return Answer(
      [
        "cpus": .array([JSON](queues.cpus, Self.fields)),
        "pressure": queues.pressure.map { .array([JSON]($0, Self.pressureFields)) } ?? .null,
      ],
      .sections(tables.map { .table($0) }), missing: snapshot.missing)
  }
}

extension JSON {
  /// Null for nil.
  fileprivate init<Object>(_ object: Object?, _ fields: [Field<Object>]) {
    self = object.map { JSON($0, fields) } ?? .null
  }
}

extension RunQueue {
  /// With idle times from where the kernel keeps them.
  fileprivate var allTimes: [(name: String, nanoseconds: UInt64)] {
    times.map { name, time in
      switch name {
      case "idle": (name, idle ?? time)
      case "iowait": (name, ioWait ?? time)
      default: (name, time)
      }
    }
  }
}

extension RunQueues {
  /// A row a CPU, a column a kind of time.
  fileprivate var times: Table {
    let names = cpus.first?.times.map(\.name) ?? []
    return Table(
      [.number("CPU")] + names.map { .number($0.uppercased()) },
      rows: cpus.map { cpu in
        ["\(cpu.cpu)"] + cpu.allTimes.map { "\($0.nanoseconds.logSeconds.dropLast(3))" }
      })
  }
}
