import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `regs`: the registers of one vCPU or of all, of one instant.
struct Regs: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "regs", abstract: "The registers of one vCPU, or of all.",
    discussion: """
      All that fit in 64 bits, of one instant. Kernel addresses show their symbol, which \
      is looked up after the registers were read. Arm's system \
      registers of several vCPUs may be too many for one short stop of a running guest: then each \
      vCPU's are of an instant of their own, unless --hold or `hold` stops the guest for all.
      """)

  @Argument(help: ArgumentHelp("The vCPU's number from 0; all without it.", valueName: "cpu"))
  var cpu: Int?
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] { words.isEmpty ? [.cpu] : [] }

  func answer(in session: Session) throws -> Answer {
    let source = try session.source
    if let cpu, !source.cpus.contains(cpu) {
      let known = source.cpus.map { "\($0)" }.joined(separator: ", ")
      throw CommandError("the guest has no vCPU \(cpu): its vCPUs are \(known)")
    }
    // Symbols are welcome and not needed: registers are what one looks at when no kernel is found.
    // The kernel comes first, so that what it costs to find it is not counted as these registers'.
    var kernel: GuestKernel?
    do { kernel = try session.livingKernel } catch let error as any GuestFailure
      where error.isOfConnection
    {
      throw error
    } catch {
      let isExpected = if case KernelError.noKernel = error { true } else { false }
      if session.options.kernelFile != nil || !isExpected {
        session.console.note("no symbols: \(error)")
      }
    }
    let names = try session.source.wordRegisterNames
    let cpus = try cpu.map { [$0] } ?? session.source.cpus
    let values = try read(names, of: cpus, session)
    let symbols = kernel.flatMap { self.symbols(values, $0, session) }

    var lines: [String] = []
    var missing: [String] = []
    let documents = cpus.map { cpu -> JSON in
      var (own, absent): ([String], [String: [String]]) = ([], [:])
      let symbols = kernel.flatMap { $0.mayBeIn(cpu, values) ? symbols : nil }
      let width = names.map(\.count).max() ?? 0
      let members = names.map { name -> JSON.Member in
        switch values[RegisterKey(cpu: cpu, name: name)] {
        case .success(let value):
          let padding = String(repeating: " ", count: width - name.count)
          let symbol = symbols?.text(value).map { "  " + $0 } ?? ""
          own.append("  \(name)\(padding)  0x\(value.paddedHex(16))\(symbol)")
          return JSON.Member(key: name, value: .string(value.hex))
        case .failure(let absence): absent["\(absence)", default: []].append(name)
        case nil: absent["QEMU did not report it", default: []].append(name)
        }
        return JSON.Member(key: name, value: .null)
      }
      if !own.isEmpty { lines += ["CPU \(cpu)"] + own }
      missing += absent.sorted { $0.key < $1.key }.map { reason, names in
        let subject = own.isEmpty && absent.count == 1 ? "" : names.joined(separator: ", ") + " of "
        return "\(subject)vCPU \(cpu): \(reason)"
      }
      return ["cpu": JSON(cpu), "registers": .object(members)]
    }
    guard !lines.isEmpty else {
      throw CommandError("no registers: " + missing.joined(separator: "; "))
    }
    return Answer(.array(documents), .lines(lines), missing: missing)
  }

  /// The symbols of the values of those vCPUs that may be in the kernel.
  private func symbols(
    _ values: [RegisterKey: Result<UInt64, Absence>], _ kernel: GuestKernel, _ session: Session
  ) -> SymbolNames {
    let addresses = values.filter { kernel.mayBeIn($0.key.cpu, values) }.values
      .compactMap { try? $0.get() }
    return session.symbolNames(of: addresses, in: kernel)
  }

  /// In one stop, or where that would be too long for a running guest, in one a vCPU.
  private func read(
    _ names: [String], of cpus: [Int], _ session: Session
  ) throws -> [RegisterKey: Result<UInt64, Absence>] {
    let source = try session.source
    func keys(_ cpu: Int) -> [RegisterKey] { names.map { RegisterKey(cpu: cpu, name: $0) } }
    let all = cpus.flatMap(keys)
    let isShort = source.limits.admit(source.load(of: all))
    let instants = isShort || source.consistency == .frozen ? [all] : cpus.map(keys)
    if instants.count > 1 {
      session.console.note(
        "the registers did not fit into one short stop: those of each vCPU were read in a stop of their own"
      )
    }
    var values: [RegisterKey: Result<UInt64, Absence>] = [:]
    for keys in instants {
      let snapshot = session.count(
        try session.engine.snapshot(registers: keys) { view throws(ReadFault) in view.registers })
      values.merge(snapshot.value) { $1 }
    }
    return values
  }
}
