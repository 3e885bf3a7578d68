import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelLog
import GuestScopeKernelScheduler
import GuestScopeKernelTasks
import GuestScopeLinuxKernel

/// How a guest is in one moment: what the checks of its health look at. A part is nil where its kernel
/// does not have it.
struct HealthSample {
  /// The ticks that the guest has counted, and the tasks of the same instant.
  var tasks: AnswerPart<(jiffies: UInt64?, list: TaskList?)>
  var log: AnswerPart<KernelLog?>
  /// Nil for a kernel without sched_ext.
  var scheduler: AnswerPart<(state: ScxState, dump: ScxDump)?>
  var rings: AnswerPart<[RingBufferFill]>
  var programs: AnswerPart<BPFObjects.Programs>
  /// When the scheduler was read, and the programs: a part may be of a stop of its own. In nanoseconds, nil
  /// where it could not be read.
  var schedulerTime: UInt64?
  var programsTime: UInt64?
}

/// Samples of a guest, a short while apart.
struct Health {
  var samples: [HealthSample]
  /// Seconds from the first to the last.
  var seconds: Double
  /// Why nothing moves in it; nil for a guest that runs.
  var standstill: String?
  /// What the last sample lacks of what was read.
  var missing: [String] = []

  var last: HealthSample { samples[samples.count - 1] }

  /// Seconds from the first of the samples to the last, of a part that has times of its own.
  func seconds(of time: (HealthSample) -> UInt64?) -> Double {
    guard let start = time(samples[0]), let end = time(last) else { return seconds }
    return Double(end &- start) / 1e9
  }

  /// A part of the last sample.
  ///
  /// - Throws: why it could not be read.
  func now<T>(_ part: (HealthSample) -> AnswerPart<T>) throws -> T { try part(last).get() }

  /// A part of each sample, in their order.
  func all<T>(_ part: (HealthSample) -> AnswerPart<T>) throws -> [T] {
    try samples.map { try part($0).get() }
  }
}

extension Session {
  /// Looks at the guest again and again. One that stands still is looked at once.
  func observeHealth(samples count: Int, every seconds: Double) throws -> Health {
    var times: [UInt64] = []
    var samples: [HealthSample] = []
    var missing: [String] = []
    for number in 0..<count {
      if number > 0 { try rest(until: .now + .seconds(seconds)) }
      let snapshot = try healthSample()
      times.append(snapshot.time)
      samples.append(snapshot.value)
      missing = snapshot.missing
      if isStill { break }
    }
    return Health(
      samples: samples, seconds: Double(times[times.count - 1] &- times[0]) / 1e9,
      standstill: isStill ? "the guest is \(runState)" : nil, missing: missing)
  }

  private var isStill: Bool { runState != RunState.running.text }

  private func healthSample() throws -> Snapshot<HealthSample> {
    try ofThisBoot { kernel in
      let tasks = Result { try KernelTasks(kernel) }
      let dumper = Result { try ScxDumper(kernel) }
      let rings = Result { try bpf(of: kernel).ringBufferWalker() }
      let programs = Result { try bpf(of: kernel).programWalker(BPFProgramQuery(runtime: true)) }
      return try walk(kernel) { walk throws(ReadFault) in
        let (tasks, log) = try walk.view.together(
          walk.part("tasks", by: tasks) { tasks throws(ReadFault) in
            let (jiffies, list) = try walk.view.together(
              walk.jiffies(), walk.ifKnown(tasks.list(in: walk)))
            return (jiffies: jiffies, list: list)
          },
          walk.part("kernel log") { () throws(ReadFault) in
            try walk.ifKnown(walk.kernelLog(ReportReading.logQuery))
          })
        let (scheduler, rings, programs) = try walk.view.together(
          walk.part("scheduler", by: dumper) { dumper throws(ReadFault) in
            let none: Health.Scheduler? = nil
            guard kernel.hasSchedExt else { return (both: none, time: walk.view.time) }
            let (state, dump) = try walk.view.together(walk.scxState(), dumper.dump(in: walk))
            return (both: (state, dump), time: walk.view.time)
          }, walk.part("ring buffers", by: rings),
          walk.part("programs", by: programs) { read throws(ReadFault) in
            (all: try read(walk), time: walk.view.time)
          })
        return HealthSample(
          tasks: tasks, log: log, scheduler: scheduler.map(\.both), rings: rings,
          programs: programs.map(\.all), schedulerTime: (try? scheduler.get())?.time,
          programsTime: (try? programs.get())?.time)
      }
    }
  }
}
