import GuestScopeGuestMemory
import Testing

@testable import Commands
@testable import GuestScopeKernelBPF
@testable import GuestScopeKernelLog
@testable import GuestScopeKernelScheduler
@testable import GuestScopeKernelTasks

/// Samples of guests that are ill, as the checks see them.
@Suite struct HealthCheckTests {
  private func sample(
    jiffies: UInt64? = 0, running: [RunningTask] = [], tasks: [KernelTask] = [],
    log: [String] = [], scheduler: Health.Scheduler? = nil, rings: [RingBufferFill] = [],
    misses: UInt64? = 0
  ) -> HealthSample {
    var program = BPFProgram(
      id: 7, address: KernelVirtualAddress(0), type: 1, typeName: "kprobe", name: "p",
      verifiedInsns: 1)
    program.runtime = RunCounters(cnt: 1, nsecs: 1, misses: misses)
    let records = log.map {
      LogRecord(
        sequence: 0, time: 0, level: LogLevel(1), facility: 0, caller: .thread(1), text: $0,
        isContinuation: false, isFinal: true)
    }
    let list = TaskList(tasks: tasks, running: running, lockupThreshold: 10_000_000_000)
    return HealthSample(
      tasks: .success((jiffies: jiffies, list: list)),
      log: .success(KernelLog(records: records)), scheduler: .success(scheduler),
      rings: .success(rings),
      programs: .success(.init(objects: [program], otherTypes: 0, statsEnabled: true)))
  }

  private func judge(
    _ check: HealthCheck, _ samples: [HealthSample], limit: Double? = nil,
    standstill: String? = nil
  ) -> [CheckResult] {
    HealthRequest(check, limit: limit).verdicts(
      Health(samples: samples, seconds: 2, standstill: standstill))
  }

  private func running(_ pid: UInt32, lag: UInt64 = 0, watchdog: UInt64? = 0) -> RunningTask {
    var task = RunningTask(cpu: 1, pid: pid, comm: "loop")
    (task.clockLag, task.watchdogAge) = (lag, watchdog)
    return task
  }

  private func task(_ letter: UInt64, idle: UInt64) -> KernelTask {
    KernelTask(
      pid: 9, tgid: 9, comm: "waits", name: "waits", state: TaskState(letter, exitState: 0),
      isRunning: false, isKernelThread: false, idle: idle, waiting: letter == 0 ? idle : nil,
      start: 0)
  }

  private func scheduler(
    bypass: Int = 0, waited: Int64 = 0, flags: [String] = [], age: UInt64 = 0,
    queued: UInt32 = 0, sequence: UInt32 = 0, fallback: Int64 = 0
  ) -> Health.Scheduler {
    let address = KernelVirtualAddress(0)
    let waiting = ScxTask(
      address: address, pid: 9, comm: "waits", flags: 0, flagNames: flags, queueSequence: 0,
      queueID: 5, queueFlags: 0, slice: 0, virtualTime: 0, weight: 100, stickyCPU: -1,
      holdingCPU: -1, waited: 0, waitedMilliseconds: waited)
    let counter = ScxScheduler.Counter(name: "SCX_EV_SELECT_CPU_FALLBACK", value: fallback)
    var state = ScxState(
      schedulers: [
        ScxScheduler(
          address: address, name: "lab", flags: 0, flagNames: [],
          events: [.init(cpu: 0, counters: [counter])])
      ])
    (state.bypassDepth, state.enableStateName, state.enableSequence) = (bypass, "enabled", 1)
    (state.watchdogMilliseconds, state.watchdogAgeMilliseconds) = (10_000, age)
    let cpu = ScxCPU(
      cpu: 0, clock: 0, running: 1, flags: 0, flagNames: [], released: false,
      current: RunningTask(cpu: 0, pid: 1, comm: "other"), runnable: [waiting])
    let queue = ScxDispatchQueue(
      place: .user, address: address, id: 5, count: queued, sequence: sequence,
      tasks: queued == 0 ? [] : [waiting])
    return (state, ScxDump(cpus: [cpu], queues: [queue], tasks: []))
  }

  private func outcomes(_ verdicts: [CheckResult]) -> [CheckResult.Outcome] {
    verdicts.map(\.outcome)
  }

  @Test func timeThatStandsStillIsBrokenUnlessAllCPUsAreIdle() {
    let loop = [running(5)]
    let still = [sample(jiffies: 9, running: loop), sample(jiffies: 9, running: loop)]
    #expect(outcomes(judge(.guestLives, still)) == [.broken])
    #expect(outcomes(judge(.guestLives, still, standstill: "the guest is stopped")) == [.unknown])
    let idle = [
      sample(jiffies: 9, running: [running(0)]), sample(jiffies: 9, running: [running(0)]),
    ]
    #expect(outcomes(judge(.guestLives, idle)) == [.kept])
    let moves = [sample(jiffies: 9, running: loop), sample(jiffies: 12, running: loop)]
    #expect(judge(.guestLives, moves).first?.value == .unsigned(3))
    #expect(outcomes(judge(.guestLives, [still[0]])) == [.unknown])
    #expect(
      outcomes(judge(.guestLives, [sample(jiffies: nil), sample(jiffies: nil)])) == [.unknown])
  }

  @Test func aCPUThatDoesNotComeBackIsNamed() {
    let stuck = judge(.cpuStuck, [sample(running: [running(5, lag: 4_100_000_000)])])
    #expect(outcomes(stuck) == [.broken] && stuck[0].object == "CPU 1")
    #expect(stuck[0].value == .number(4.1))
    #expect(outcomes(judge(.cpuStuck, [sample(running: [running(5)])])) == [.kept])
    // The kernel complains after 20 s.
    let near = judge(.softLockup, [sample(running: [running(5, watchdog: 16_000_000_000)])])
    #expect(outcomes(near) == [.broken] && near[0].value == .unsigned(80))
    let far = judge(
      .softLockup, [sample(running: [running(5, watchdog: 16_000_000_000)])], limit: 81)
    #expect(outcomes(far) == [.kept] && far[0].limit == .unsigned(81))
  }

  @Test func aTaskIsStuckFromItsLimitOn() {
    let (running, sleeping, waiting) = (UInt64(0), UInt64(1), UInt64(2))
    for (state, seconds, outcome) in [
      (running, 10, CheckResult.Outcome.broken), (waiting, 11, .broken), (waiting, 9, .kept),
      (sleeping, 100, .kept),
    ] {
      let found = judge(
        .taskStuck, [sample(tasks: [task(state, idle: UInt64(seconds) * 1_000_000_000)])])
      #expect(outcomes(found) == [outcome], "\(state) \(seconds)")
    }
  }

  @Test func theLogsTroublesAreBrokenButForWarnings() {
    let found = judge(
      .kernelLog, [sample(log: ["Kernel panic - not syncing: x", "WARNING: CPU: 0 PID: 1 at y"])])
    #expect(found.map(\.object) == ["panic"] && outcomes(found) == [.broken])
    #expect(outcomes(judge(.kernelLog, [sample(log: ["hello"])])) == [.kept])
  }

  @Test func aSchedulerIsJudgedByItsTimeout() {
    func one(_ check: HealthCheck, _ scheduler: Health.Scheduler?) -> CheckResult.Outcome? {
      judge(check, [sample(scheduler: scheduler)]).first?.outcome
    }
    #expect(one(.scxWait, scheduler(waited: 5000)) == .kept)
    #expect(one(.scxWait, scheduler(waited: 5100)) == .broken)
    let reset = scheduler(waited: 5100, flags: ["SCX_TASK_RESET_RUNNABLE_AT"])
    #expect(one(.scxWait, reset) == .kept)
    #expect(one(.scxWatchdog, scheduler(age: 10_000)) == .kept)
    #expect(one(.scxWatchdog, scheduler(age: 10_101)) == .broken)
    #expect(one(.scxBypass, scheduler(bypass: 1)) == .broken)
    #expect(one(.scxBypass, scheduler()) == .kept)
    var below = scheduler()
    below.state.schedulers[0].bypassDepth = 1
    #expect(one(.scxBypass, below) == .broken)
    for check in HealthCheck.all where check.name.hasPrefix("scx-") {
      #expect(one(check, nil) == .kept, "\(check.name)")
    }
  }

  @Test func aSchedulerThatWasThrownOutHasLeft() {
    func outcome(_ line: String) -> CheckResult? {
      var gone = scheduler(sequence: 1)
      gone.state.schedulers = []
      gone.state.enableStateName = "disabled"
      return judge(.scxLeft, [sample(log: [line], scheduler: gone)]).first
    }
    let thrown = outcome("sched_ext: BPF scheduler \"lab\" disabled (runnable task stall)")
    #expect(thrown?.outcome == .broken && thrown?.object == "lab")
    #expect(
      outcome("sched_ext: BPF scheduler \"lab\" disabled (unregistered from user space)")?.outcome
        == .kept)
    #expect(outcome("hello")?.outcome == .kept)
    // Where the log is not shown, nothing says why.
    var left = scheduler(sequence: 1)
    left.state.schedulers = []
    var blind = sample(scheduler: left)
    blind.log = .success(nil)
    #expect(outcomes(judge(.scxLeft, [blind])) == [.unknown])
    #expect(judge(.scxLeft, [sample(scheduler: scheduler())]).first?.outcome == .kept)
    var again = scheduler()
    again.state.enableSequence = 2
    let reloaded = [sample(scheduler: scheduler()), sample(scheduler: again)]
    #expect(outcomes(judge(.scxLeft, reloaded)) == [.broken])
  }

  @Test func queuesThatRestOrOnlyGrowAreBroken() {
    func samples(_ counts: [UInt32], _ sequences: [UInt32]) -> [HealthSample] {
      zip(counts, sequences).map { sample(scheduler: scheduler(queued: $0, sequence: $1)) }
    }
    let rests = samples([2, 2, 2], [7, 7, 7])
    #expect(outcomes(judge(.queueStuck, rests)) == [.broken])
    #expect(outcomes(judge(.queueGrows, rests)) == [.kept])
    #expect(outcomes(judge(.queueStuck, samples([2, 2, 2], [7, 8, 9]))) == [.kept])
    #expect(outcomes(judge(.queueStuck, samples([0, 0, 0], [7, 7, 7]))) == [.kept])
    #expect(outcomes(judge(.queueGrows, samples([2, 3, 4], [7, 8, 9]))) == [.broken])
    #expect(outcomes(judge(.queueGrows, samples([2, 3, 3], [7, 8, 9]))) == [.kept])
    #expect(outcomes(judge(.queueGrows, samples([2, 3], [7, 8]))) == [.unknown])
  }

  @Test func queuesOfTwoSchedulersMayHaveOneID() {
    let samples = [2, 3, 4].map { (count: UInt32) in
      var both = scheduler(queued: 2, sequence: 7)
      var other = both.dump.queues[0]
      (other.address, other.cgroupPath, other.count) = (other.address + 256, "/sub", count)
      both.dump.queues.append(other)
      return sample(scheduler: both)
    }
    let found = judge(.queueGrows, samples)
    #expect(outcomes(found) == [.broken])
    #expect(found[0].object == "queue 0x5 of the scheduler of /sub")
    #expect(judge(.queueStuck, samples).map(\.object) == ["queue 0x5"])
  }

  @Test func aGuestThatWasResetIsNotJudged() {
    let samples = [100, 10, 110].map { sample(jiffies: $0, running: [running(1)]) }
    #expect(outcomes(judge(.guestLives, samples)) == [.unknown])
    #expect(outcomes(judge(.guestLives, Array(samples.suffix(2)))) == [.kept])
  }

  @Test func eventsAreJudgedByTheirRate() {
    // In two seconds.
    let samples = [0, 401].map { sample(scheduler: scheduler(fallback: $0)) }
    let found = judge(.scxFallback, samples)
    #expect(outcomes(found) == [.broken] && found[0].value == .number(200.5))
    #expect(outcomes(judge(.scxFallback, samples, limit: 201)) == [.kept])
    #expect(outcomes(judge(.scxKeepLast, samples)) == [.unknown])
  }

  @Test func aRateIsOfTheTimeFromWhichItsNumbersAre() {
    var samples = [0, 401].map { sample(scheduler: scheduler(fallback: $0)) }
    (samples[0].schedulerTime, samples[1].schedulerTime) = (1_000_000_000, 2_000_000_000)
    #expect(judge(.scxFallback, samples)[0].value == .unsigned(401))
    // One that could not be read says nothing of when.
    samples[0].schedulerTime = nil
    #expect(judge(.scxFallback, samples)[0].value == .number(200.5))
  }

  @Test func ringBuffersAndMisses() {
    func ring(_ pending: UInt64) -> HealthSample {
      sample(rings: [
        RingBufferFill(id: 3, name: "r", size: 4096, pending: pending)
      ])
    }
    #expect(outcomes(judge(.ringFull, [ring(3600)])) == [.kept])
    let full = judge(.ringFull, [ring(4096)])
    #expect(outcomes(full) == [.broken] && full[0].value == .unsigned(100))
    #expect(outcomes(judge(.misses, [sample(misses: 1), sample(misses: 3)])) == [.broken])
    #expect(outcomes(judge(.misses, [sample(misses: 3), sample(misses: 3)])) == [.kept])
    #expect(outcomes(judge(.misses, [sample(misses: nil), sample(misses: nil)])) == [.unknown])
  }

  @Test func whatCouldNotBeReadIsUnknown() {
    var blind = sample()
    blind.tasks = .failure(CommandError("damaged"))
    #expect(judge(.cpuStuck, [blind]).map(\.evidence) == ["damaged"])
    #expect(outcomes(judge(.cpuStuck, [blind])) == [.unknown])
  }

  @Test func aRequestNamesACheckAndPerhapsItsLimit() throws {
    #expect(try HealthRequest(argument: "task-stuck=30").limit == 30)
    #expect(try HealthRequest(argument: "task-stuck").limit == nil)
    for wrong in [
      "no", "guest-lives=3", "task-stuck=", "task-stuck=-1", "task-stuck=x", "task-stuck=1e11",
      "task-stuck=inf",
    ] {
      #expect(throws: (any Error).self) { try HealthRequest(argument: wrong) }
    }
  }
}
