import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelLog
import GuestScopeLinuxKernel

/// All that a report says, from which its forms are made.
struct ReportContents {
  var head: HeadSection
  var trouble: TroubleSection
  var boot: BootSection
  var cpus: CPUSection
  var tasks: TaskSection
  var scheduler: SchedulerSection
  var maps: MapsSection
  var programs: ProgramsSection
  var log: LogSection
  /// The guest stands still, so that all is of one instant.
  var isFrozen: Bool
  /// What was read in stops of its own, and in how many.
  var parts: [(name: String, stops: Int)]
  var unreadable: [(part: String, reason: String)]
  var missing: [String]

  /// - Throws: when nothing of the guest's kernel can be read.
  static func read(in session: Session) throws -> ReportContents {
    let snapshot = try session.readReport()
    let reading = snapshot.value
    let state = try session.state(panicCPU: reading.panicCPU, snapshot.registers)
    let records = (try? reading.log.get()) ?? nil
    let trouble = TroubleSection(troubles: records?.troubles ?? [], taint: reading.taint)
    let isDead = reading.panicCPU != nil
    let tasks = try TaskSection(try session.part { try session.readTasks() }, isDead: isDead) {
      try session.readStacks(of: $0)
    }
    let scheduler = try session.schedulerSection()
    let maps = MapsSection(try session.part { try session.readMaps() })
    let failed =
      reading.unreadable + tasks.failures
      + (scheduler.failure.map { [("scheduler", "\($0)")] } ?? [])
      + (maps.failure.map { [("maps", "\($0)")] } ?? [])
    return ReportContents(
      head: HeadSection(
        state, runState: session.runState, cpus: try session.source.cpus.count,
        uptime: tasks.reading?.list?.clock),
      trouble: trouble,
      boot: BootSection(state: reading.systemState, last: records?.records.last),
      cpus: CPUSection(tasks.reading, tasks.stacks, isDead: isDead),
      tasks: tasks, scheduler: scheduler, maps: maps,
      programs: ProgramsSection(reading.programs, snapshot),
      log: LogSection(records, from: trouble.troubles.first),
      isFrozen: try session.source.consistency == .frozen,
      parts: [
        ("log and programs", snapshot.stops), ("tasks", tasks.stops),
        ("the scheduler", scheduler.stops), ("maps", maps.stops),
      ].filter { $0.1 > 0 },
      unreadable: failed
        + (snapshot.unreadable + tasks.unreadable + scheduler.unreadable + maps.unreadable).map {
          (part: "\($0.key)", reason: "\($0.cause)")
        },
      missing: snapshot.missing + tasks.missing + scheduler.missing + maps.missing
        + failed.map { "the \($0.0): \($0.1)" } + state.crashed(session))
  }

  private var stops: Int { isFrozen ? 1 : parts.reduce(0) { $0 + $1.stops } }

  var document: JSON {
    .object(
      [.init(key: "schema", value: "single")] + maps.json + programs.json + head.json + trouble.json
        + boot.json + cpus.json + tasks.json + scheduler.json + [
          .init(key: "stops", value: JSON(stops)),
          .init(
            key: "parts",
            value: .array(parts.map { ["part": .string($0.name), "stops": JSON($0.stops)] })),
          .init(
            key: "unreadable",
            value: .array(
              unreadable.map { ["object": .string($0.part), "reason": .string($0.reason)] })),
        ] + log.json)
  }

  /// What went wrong first, then what ran, and last what the answer lacks and what it cost.
  var lines: [String] {
    head.lines + trouble.lines.map { "\($0.heading): \($0.text)" } + boot.lines + cpus.alarms
      + tasks.alarms(stuckCPUs: cpus.stuckCPUs) + scheduler.lines + cpus.lines + tasks.lines
      + programs.lines + maps.lines + scheduler.variables + log.lines + unreadableLines
      + ["answer: from \(counted(stops, "stop"))\(partsText)"]
  }

  private var partsText: String {
    guard parts.count > 1, !isFrozen else { return "" }
    return " (" + parts.map { "\($0.stops) for \($0.name)" }.joined(separator: ", ") + ")"
  }

  private static let mostUnreadable = 10

  /// What could not be read, a line each.
  private var unreadableLines: [String] {
    let rest = unreadable.count - Self.mostUnreadable
    return unreadable.prefix(Self.mostUnreadable).map { "unreadable: \($0.part): \($0.reason)" }
      + (rest > 0 ? ["unreadable: \(rest) more, shown by report -j"] : [])
  }
}

extension Session {
  /// Reads a part of a report. Its failure does not fail the others, unless the connection is lost: then
  /// there is no report.
  fileprivate func part<T>(_ read: () throws -> T) throws -> Result<T, any Error> {
    do { return .success(try read()) } catch let error as any GuestFailure
      where error.isOfConnection
    {
      throw error
    } catch {
      return .failure(error)
    }
  }
}

extension KernelState {
  /// What a report lacks that is about a crash kernel.
  func crashed(_ session: Session) -> [String] {
    guard kernel.isCrashKernel, session.options.vcpu == nil else { return [] }
    let way = wayToTheCrashed(hasFile: session.options.kernelFile != nil)
    return ["the programs of the kernel that crashed are not in this report: \(way)"]
  }
}
