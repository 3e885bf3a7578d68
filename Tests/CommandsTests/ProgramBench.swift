import Foundation
import GuestScopeGDBStub
import TestSupport
import Testing

@testable import Commands

/// What the suites that run the program itself are made of: each test has a fake stub of its own, with
/// a synthetic guest of two BPF programs.
class ProgramBench {
  let qemu: FakeQEMU
  let guest: SyntheticGuest
  let folder: TemporaryFolder
  let kernel: String
  /// Where the `struct bpf_prog` of each program is in RAM.
  let labHead: Int
  let evilHead: Int

  init() throws {
    let guest = SyntheticGuest()
    var lab = SyntheticProgram(id: 3, name: "lab")
    lab.verifiedInstructions = 1234
    lab.counters = [(60, 150, 1), (40, 50, 2)]
    lab.mapIDs = [7]
    var evil = SyntheticProgram(id: 9, name: "\u{1b}[31mevil")
    evil.type = 2
    let labPlaces = guest.add(lab)
    let evilPlaces = guest.add(evil)
    guest.writeIDR()
    var machine = FakeQEMU.Machine()
    machine.ram = guest.ram.bytes
    machine.registers = ProgramBench.registers(guest, gsBase: guest.registers["gs_base"]!)
    folder = try TemporaryFolder()
    kernel = folder.path(of: "vmlinux")
    try Data(guest.imageFile()).write(to: URL(fileURLWithPath: kernel))
    self.guest = guest
    labHead = Int(labPlaces.head.rawValue)
    evilHead = Int(evilPlaces.head.rawValue)
    qemu = FakeQEMU(machine)
  }

  deinit { qemu.end() }

  static func registers(
    _ guest: SyntheticGuest, gsBase: UInt64
  ) -> KeyValuePairs<String, UInt64> {
    let values = guest.registers
    return [
      "rip": values["rip"]!, "gs_base": gsBase, "k_gs_base": 0, "cr0": values["cr0"]!,
      "cr3": values["cr3"]!, "cr4": values["cr4"]!, "efer": values["efer"]!,
    ]
  }

  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
    var json: Any? { try? JSONSerialization.jsonObject(with: Data(output.utf8)) }
  }

  func run(_ arguments: String..., withKernel: Bool = true) throws -> Outcome {
    try run(arguments, withKernel: withKernel)
  }

  func run(_ arguments: [String], withKernel: Bool = true) throws -> Outcome {
    let outcome = try ChildProcess.run(
      BuiltProgram.path,
      ["-c", ":\(qemu.port)"] + (withKernel ? ["-k", kernel] : []) + arguments,
      environment: ["XDG_CACHE_HOME": folder.path(of: "cache")])
    #expect(qemu.waitForEnd(ofClients: qemu.clients.count))
    #expect(qemu.clients.allSatisfy { $0.resumes <= 1 && $0.strayBytes == 0 })
    return Outcome(status: outcome.status, output: outcome.out, errors: outcome.err)
  }

  func session() throws -> Session {
    let options = try SessionOptions.parse(["-c", ":\(qemu.port)", "-k", kernel])
    let console = Console(output: STDOUT_FILENO, errors: open("/dev/null", O_WRONLY))
    return Session(options, console: console, debt: ResumeDebt(), isShared: true)
  }
}
