import ArgumentParser
import Bytes
import GuestMemory

/// `regs`: the registers of one vCPU or of all, of one instant.
struct Regs: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "regs", abstract: "The registers of one vCPU, or of all.",
    discussion: "All that fit in 64 bits, of one instant. Kernel addresses show their symbol.")

  @Argument(help: ArgumentHelp("The vCPU's number from 0; all without it.", valueName: "cpu"))
  var cpu: Int?
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] { words.isEmpty ? [.cpu] : [] }

  func answer(in session: Session) throws -> Answer {
    let stub = try session.stub
    if let cpu, !(0..<stub.cpuCount).contains(cpu) {
      throw CommandError("the guest has no vCPU \(cpu): its vCPUs are 0 to \(stub.cpuCount - 1)")
    }
    let cpus = cpu.map { [$0] } ?? Array(0..<stub.cpuCount)
    let names = stub.wordRegisterNames
    let keys = cpus.flatMap { cpu in names.map { RegisterKey(cpu: cpu, name: $0) } }
    let snapshot = session.count(
      try session.engine.snapshot(registers: keys) { view throws(ReadFault) in view.registers })
    // Symbols are welcome and not needed: registers are what one looks at when no kernel is found.
    let kernel = try? session.kernel

    var lines: [String] = []
    var missing: [String] = []
    let documents = cpus.map { cpu -> JSON in
      lines.append("CPU \(cpu)")
      let width = names.map(\.count).max() ?? 0
      let members = names.map { name -> JSON.Member in
        switch snapshot.value[RegisterKey(cpu: cpu, name: name)] {
        case .success(let value):
          let padding = String(repeating: " ", count: width - name.count)
          let symbol = kernel?.symbolText(value).map { "  " + $0 } ?? ""
          lines.append("  \(name)\(padding)  0x\(value.paddedHex(16))\(symbol)")
          return JSON.Member(key: name, value: .string(value.hex))
        case .failure(let absence):
          missing.append("\(name) of vCPU \(cpu): \(absence)")
        case nil: missing.append("\(name) of vCPU \(cpu): not told")
        }
        return JSON.Member(key: name, value: .null)
      }
      return ["cpu": JSON(cpu), "registers": .object(members)]
    }
    return Answer(.array(documents), .lines(lines), missing: missing)
  }
}
