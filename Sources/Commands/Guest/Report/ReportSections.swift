import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelLog
import GuestScopeLinuxKernel

/// Which kernel it is, and where its vCPUs are.
struct HeadSection {
  private let state: KernelState
  private let runState: String
  private let cpus: Int
  /// Nanoseconds since boot, by the scheduler's clock; nil where that is not known.
  private let uptime: UInt64?

  init(_ state: KernelState, runState: String, cpus: Int, uptime: UInt64? = nil) {
    (self.state, self.runState, self.cpus, self.uptime) = (state, runState, cpus, uptime)
  }

  var json: [JSON.Member] {
    [
      .init(
        key: "kernel",
        value: [
          "release": .string(state.kernel.release), "banner": .string(state.kernel.banner),
        ]),
      .init(key: "panic_cpu", value: JSON(state.panicCPU)),
      .init(key: "crash_kernel", value: .bool(state.kernel.isCrashKernel)),
      .init(key: "vcpus", value: state.vcpusJSON),
      .init(key: "run_state", value: .string(runState)),
      .init(key: "cpus", value: JSON(cpus)),
      .init(key: "uptime_ns", value: JSON(uptime)),
    ]
  }

  var lines: [String] {
    [
      "kernel: \(state.kernel.banner)"
        + (state.panicCPU.map { " (crashed: panic on CPU \($0))" } ?? ""),
      "guest: \(runState), \(counted(cpus, "CPU"))"
        + (uptime.map { ", up \($0.tenthsOfSeconds) s" } ?? ""),
    ]
      + state.vcpus.places.filter { $0.text != VCPU.Place.kernel.text }
      .map { "vCPU \($0.cpus): \($0.text)" }
  }
}

/// The struct_ops programs: what they cost, and what the verifier has counted.
struct ProgramsSection {
  private let programs: BPFObjects.Programs?
  /// Why there are none, where they cannot be read.
  private let failure: (any Error)?
  private let emptyRemark: String?
  var remarks: [String] { [programs?.countersRemark].compactMap { $0 } }

  init(_ reading: Result<BPFObjects.Programs, any Error>, _ snapshot: Snapshot<ReportReading>) {
    switch reading {
    case .success(let read): (programs, failure) = (read, nil)
    case .failure(let error): (programs, failure) = (nil, error)
    }
    emptyRemark = programs.flatMap { programs in
      Found(
        objects: programs.objects, snapshot: snapshot.map { _ in programs }, standard: "struct_ops"
      ).emptyRemark(of: .program)
    }
  }

  private var objects: [BPFProgram] { programs?.objects ?? [] }

  var json: [JSON.Member] {
    [
      .init(key: "prog_runtime_stats", value: .array(withCounters.map(runtime))),
      .init(key: "prog_verifier_stats", value: .array([JSON](objects, ProgVerifier.fields()))),
      .init(key: "bpf_stats_enabled", value: JSON(programs?.statsEnabled)),
    ]
      + (unavailable.map { [.init(key: "prog_runtime_stats_unavailable", value: .string($0))] }
        ?? [])
  }

  /// A reader of failure dumps demands numbers: programs without them are left out, and named as such.
  private var withCounters: [BPFProgram] { objects.filter { $0.runtime != nil } }

  private var unavailable: String? {
    if let failure { return "\(failure)" }
    let others = objects.filter { $0.runtime == nil }.map(\.shownName)
    return others.isEmpty
      ? nil : "the counters of some programs cannot be read: " + others.joined(separator: ", ")
  }

  /// As `prog stats` has it, but a reader of failure dumps demands a number of misses: where the kernel
  /// counts none, that says so beside it.
  private func runtime(_ program: BPFProgram) -> JSON {
    guard case .object(var members) = JSON(program, ProgStats.fields()),
      let index = members.firstIndex(where: { $0.key == "misses" && $0.value == .null })
    else { return JSON(program, ProgStats.fields()) }
    members[index].value = .unsigned(0)
    return .object(members + [.init(key: "misses_unavailable", value: .bool(true))])
  }

  var lines: [String] {
    [emptyRemark].compactMap { $0 } + remarks + ["prog_runtime_stats:"]
      + objects.compactMap(\.runtimeLine) + ["prog_verifier_stats:"]
      + objects.map { program in
        "\(program.shownName): verified_insns=" + (program.verifiedInsns.map { "\($0)" } ?? "-")
      }
  }
}

/// The kernel's log: its end, or from its gravest trouble on.
struct LogSection {
  private let records: [LogRecord]?

  init(_ log: KernelLog?, from trouble: Trouble?) {
    let records = log?.records
    let last = records?.suffix(ReportReading.shownRecords)
    let sinceTrouble = trouble.flatMap { trouble in records?.drop { $0.time < trouble.time } }
    // Old trouble is named at the top, and is not what went on at the end.
    self.records = (sinceTrouble.flatMap { $0.count <= Self.longest ? $0 : nil } ?? last).map(
      Array.init)
  }

  /// Records of an oops with the panic after it.
  private static let longest = 120

  var json: [JSON.Member] {
    [.init(key: "log", value: records.map { .array([JSON]($0, Dmesg.fields)) } ?? .null)]
  }

  var lines: [String] {
    guard let records, !records.isEmpty else { return [] }
    return ["log:"] + records.flatMap(\.markedLines)
  }
}
