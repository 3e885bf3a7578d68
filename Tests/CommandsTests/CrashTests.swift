import Foundation
import GuestScopeGDBStub
import TestSupport
import Testing

@testable import Commands

/// A guest that crashed, and whose vCPU 0 runs a crash kernel of the same build.
@Suite final class CrashTests {
  private let crashed = SyntheticGuest(ramBytes: 2 << 20)
  private let crash: SyntheticGuest
  private let qemu: FakeQEMU
  private let folder: TemporaryFolder
  private var kernel: String { folder.path(of: "vmlinux") }

  init() throws {
    crash = SyntheticGuest(cpus: 1, in: crashed.ram, slide: 0x2000_0000)
    var lab = SyntheticProgram(id: 3, name: "lab")
    lab.counters = [(60, 150, 1), (40, 50, 2)]
    crashed.add(lab)
    crashed.writeIDR()
    crash.writeIDR()
    crash.ram.write(0x1234_5000 as UInt64, at: crash.place("elfcorehdr_addr"))
    var machine = FakeQEMU.Machine()
    machine.ram = crashed.ram.bytes
    machine.registers = Self.registers(crashed, cpu: 1)
    qemu = FakeQEMU(machine)
    folder = try TemporaryFolder()
    try Data(crashed.imageFile()).write(to: URL(fileURLWithPath: kernel))
  }

  deinit { qemu.end() }

  private static func registers(
    _ guest: SyntheticGuest, cpu: Int = 0
  ) -> KeyValuePairs<String, UInt64> {
    let values = guest.registers
    return [
      "rip": values["rip"]!, "gs_base": guest.perCPUOffset(cpu), "k_gs_base": 0,
      "cr0": values["cr0"]!, "cr3": values["cr3"]!, "cr4": values["cr4"]!, "efer": values["efer"]!,
    ]
  }

  /// The kernel panics on CPU 0.
  private func panic(leaving vcpus: Set<Int>) {
    crashed.ram.write(0 as UInt32, at: crashed.place("panic_cpu"))
    qemu.change { machine in
      machine.ram = crashed.ram.bytes
      machine.otherRegisters = [:]
      for vcpu in vcpus { machine.otherRegisters[vcpu] = Self.registers(crash) }
    }
  }

  private struct Outcome {
    var status: Int32
    var output: String
    var errors: String
    var json: [String: Any] {
      let value = try? JSONSerialization.jsonObject(with: Data(output.utf8))
      return value as? [String: Any] ?? [:]
    }
  }

  private func run(_ arguments: String...) throws -> Outcome {
    let files = ["out", "err"].map { folder.path(of: $0) }
    let ends = files.map { open($0, O_WRONLY | O_CREAT | O_TRUNC, 0o600) }
    let status = CommandLineTool.run(
      ["-c", ":\(qemu.port)", "-k", kernel, "--no-cache"] + arguments, debt: ResumeDebt(),
      console: Console(output: ends[0], errors: ends[1]))
    for end in ends { close(end) }
    let texts = try files.map { try String(contentsOfFile: $0, encoding: .utf8) }
    return Outcome(status: status, output: texts[0], errors: texts[1])
  }

  private func names(_ report: Outcome) -> [String] {
    (report.json["prog_verifier_stats"] as? [[String: Any]] ?? []).compactMap {
      $0["name"] as? String
    }
  }

  private func place(_ vcpu: Int, _ answer: Outcome) -> String? {
    (answer.json["vcpus"] as? [[String: Any]])?[vcpu]["in"] as? String
  }

  @Test func theReportIsAboutTheKernelThatCrashed() throws {
    panic(leaving: [0])
    for command in ["report", "info"] {
      let answer = try run("-j", command)
      #expect(answer.status == 0, "\(answer.errors)")
      #expect(
        answer.errors.contains("vCPU 0 is in another kernel, 6.1.0-test at 0xffffffffa1000000"))
      #expect(answer.errors.contains("which crashed (panic on CPU 0): --vcpu 0"))
      #expect(answer.json["panic_cpu"] as? Int == 0)
      #expect(answer.json["crash_kernel"] as? Bool == false)
      #expect(place(0, answer) == "other_kernel")
      #expect(place(1, answer) == "this_kernel")
    }
    #expect(names(try run("-j", "report")) == ["lab"])
    let screen = try run("report").output
    #expect(screen.contains("#1 SMP (crashed: panic on CPU 0)\n"))
    #expect(screen.contains("vCPU 0: in another kernel, 6.1.0-test at 0xffffffffa1000000\n"))
  }

  @Test func itIsSaidOnceASession() throws {
    panic(leaving: [0])
    let answers = try run("-e", "prog stats", "-e", "report", "-e", "info", "-e", "prog stats")
    #expect(answers.status == 0)
    #expect(answers.output.hasPrefix("lab: cnt=100"))
    #expect(answers.errors.components(separatedBy: "another kernel").count == 2)
  }

  @Test func aVCPUThatIsNamedHasItsOwnKernel() throws {
    panic(leaving: [0])
    let report = try run("-j", "--vcpu", "0", "report")
    #expect((report.status, report.errors) == (0, ""))
    #expect(names(report) == [])
    #expect(report.json["crash_kernel"] as? Bool == true)
    #expect(place(1, report) == "other_kernel")
    #expect(names(try run("-j", "--vcpu", "1", "report")) == ["lab"])
    let missing = try run("--vcpu", "2", "prog", "list")
    #expect(missing.status == 1)
    #expect(missing.errors.contains("the guest has no vCPU 2: its vCPUs are 0, 1"))
    #expect(try run("--vcpu=-1", "info").status == 64)
    #expect(try run("-e", "--vcpu 0 info").status == 64)
  }

  @Test func aReportOfACrashKernelAloneIsInPart() throws {
    panic(leaving: [0, 1])
    let report = try run("-j", "report")
    #expect(report.status == 2)
    #expect(names(report) == [])
    #expect(report.errors.contains("no vCPU is in it any more"))
    #expect(try run("prog", "list").errors.contains("this is a crash kernel"))
  }

  @Test func aSessionStaysWithTheKernelThatCrashes() throws {
    let errors = folder.path(of: "notes")
    let file = open(errors, O_WRONLY | O_CREAT, 0o600)
    defer { close(file) }
    let session = Session(
      try SessionOptions.parse(["-c", ":\(qemu.port)", "-k", kernel]),
      console: Console(output: file, errors: file), debt: ResumeDebt(), isShared: true)
    func stats() throws -> String {
      let command = try #require(try Root.parse(words: ["prog", "stats"]) as? any GuestCommand)
      return try command.answer(in: session).document.text(pretty: false)
    }
    let before = try stats()
    #expect(before.contains("lab"))
    panic(leaving: [0])
    // Found again by vCPU 1, which is the one that is asked from then on.
    var stops: [Int] = []
    for _ in 0..<3 {
      _ = session.takeStatistics()
      #expect(try stats() == before)
      stops.append(session.takeStatistics().stops.stops)
    }
    #expect(stops[0] > 1 && stops[1...] == [1, 1])
    let notes = try String(contentsOfFile: errors, encoding: .utf8)
    #expect(notes.components(separatedBy: "another kernel").count == 2)
    #expect(notes.contains("panic on CPU 0"))
    // Addresses of the other vCPU are not this kernel's.
    let regs = try #require(try Root.parse(words: ["regs"]) as? any GuestCommand)
    let lines = try regs.answer(in: session).screen.lines.filter { $0.contains("rip") }
    #expect(lines.count == 2)
    #expect(!lines[0].contains("_text") && lines[1].contains("_text"))
  }
}
