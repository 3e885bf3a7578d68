import ArgumentParser
import Bytes
import GuestMemory
import KernelBPF

/// `report`: what one wants to know of a guest that failed, in one answer.
struct Report: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "The failure report: kernel, CPUs, and the struct_ops programs' statistics.")

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
    let snapshot = try session.list(BPFProgramQuery(type: structOpsType, runtime: true))
    let kernel = try session.kernel
    let programs = snapshot.value.programs
    let stub = try session.stub
    return Answer(
      [
        "schema": "single",
        "prog_runtime_stats": .array(
          programs.compactMap { program in
            program.runtime.map {
              .object([.init(key: "name", value: .string(program.name))] + $0.members)
            }
          }),
        "prog_verifier_stats": .array(
          programs.map {
            ["name": .string($0.name), "verified_insns": JSON($0.verifiedInstructions)]
          }),
        "kernel": ["release": .string(kernel.release), "banner": .string(kernel.banner)],
        "run_state": .string(stub.runState.text),
        "cpus": JSON(stub.cpuCount),
        "stops": JSON(snapshot.stops),
        "unreadable": .array(
          snapshot.unreadable.map {
            ["object": .string("\($0.key)"), "reason": .string("\($0.cause)")]
          }),
      ],
      .lines(
        [
          "kernel: \(kernel.banner)",
          "guest: \(stub.runState.text), \(stub.cpuCount) CPUs",
          "answer: from \(snapshot.stops) stop\(snapshot.stops == 1 ? "" : "s")"
            + (snapshot.unreadable.isEmpty ? "" : ", \(snapshot.unreadable.count) unreadable"),
          "prog_runtime_stats:",
        ]
          + programs.compactMap { program in
            program.runtime.map { $0.line(program.name) }
          }
          + ["prog_verifier_stats:"]
          + programs.map { program in
            "\(program.name): verified_insns="
              + (program.verifiedInstructions.map { "\($0)" } ?? "-")
          }),
      missing: snapshot.missing(of: "program"))
  }
}
