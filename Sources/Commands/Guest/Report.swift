import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// `report`: what one wants to know of a guest that failed, in one answer.
struct Report: RunStateCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "The failure report: kernel, CPUs, and the struct_ops programs' statistics.")

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
    var query = BPFProgramQuery(ObjectQuery(type: structOpsType), runtime: true)
    query.wantsPanic = true
    let listed = Result {
      try session.ofThisBoot { kernel in
        query.vcpus = kernel.allVCPUs(try session.engine)
        return try session.bpf(of: kernel).programs(query)
      }
    }
    let programs: [BPFProgram]
    let state: KernelState
    var missing: [String]
    let (unreadable, stops): ([JSON], Int)
    var (emptyRemark, countersRemark): (String?, String?)
    var statsEnabled: Bool?
    switch listed {
    case .success(let snapshot):
      state = try session.state(panicCPU: snapshot.value.panicCPU, snapshot.registers)
      programs = snapshot.value.objects
      missing = snapshot.missing
      unreadable = snapshot.unreadable.map {
        ["object": .string("\($0.key)"), "reason": .string("\($0.cause)")]
      }
      stops = snapshot.stops
      statsEnabled = snapshot.value.statsEnabled
      emptyRemark = Found(objects: programs, snapshot: snapshot, standard: "struct_ops")
        .emptyRemark(of: .program)
      countersRemark = snapshot.value.countersRemark
    case .failure(let error as any GuestFailure) where error.isOfConnection: throw error
    case .failure(let error):
      // Without programs the kernel is still something. Without a kernel there is nothing to report.
      state = try session.kernelState()
      programs = []
      missing = ["the BPF programs: \(error)"]
      unreadable = [["object": "BPF programs", "reason": .string("\(error)")]]
      stops = 0
    }
    if state.kernel.isCrashKernel, session.options.vcpu == nil {
      let way = state.wayToTheCrashed(hasFile: session.options.kernel != nil)
      missing.append("the programs of the kernel that crashed: \(way)")
    }
    let kernel = state.kernel
    let cpus = try session.source.cpus.count
    return Answer(
      [
        "schema": "single",
        "prog_runtime_stats": .array([JSON](programs, ProgStats.fields())),
        "prog_verifier_stats": .array([JSON](programs, ProgVerifier.fields())),
        "kernel": ["release": .string(kernel.release), "banner": .string(kernel.banner)],
        "panic_cpu": JSON(state.panicCPU),
        "crash_kernel": .bool(kernel.isCrashKernel),
        "vcpus": state.vcpusJSON,
        "run_state": .string(session.runState),
        "cpus": JSON(cpus),
        "bpf_stats_enabled": JSON(statsEnabled),
        "stops": JSON(stops),
        "unreadable": .array(unreadable),
      ],
      .lines(
        [
          "kernel: \(kernel.banner)"
            + (state.panicCPU.map { " (crashed: panic on CPU \($0))" } ?? ""),
          "guest: \(session.runState), \(cpus) CPU\(cpus == 1 ? "" : "s")",
        ]
          + state.vcpus.places.filter { $0.text != VCPU.Place.kernel.text }
          .map { "vCPU \($0.cpus): \($0.text)" }
          + [
            "answer: from \(stops) stop\(stops == 1 ? "" : "s")"
              + (unreadable.isEmpty ? "" : ", \(unreadable.count) unreadable")
          ]
          + [emptyRemark, countersRemark].compactMap { $0 } + ["prog_runtime_stats:"]
          + programs.compactMap(\.runtimeLine)
          + ["prog_verifier_stats:"]
          + programs.map { program in
            "\(program.shownName): verified_insns="
              + (program.verifiedInsns.map { "\($0)" } ?? "-")
          }),
      missing: missing, remarks: countersRemark.map { [$0] } ?? [])
  }
}
