import ArgumentParser
import Bytes
import GDBStub
import GuestMemory
import KernelBPF
import LinuxKernel

/// `info`: the guest, its kernel, and where what we know of it came from.
struct Info: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "The stub, the guest and its kernel.")

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
    _ = try session.stub
    // The first, for after a reset the stub is another, too.
    let found = Result { try look(session) }
    if case .failure(let error as any GuestFailure) = found, error.isOfConnection { throw error }
    let stub = try session.stub
    _ = try stub.lookAgain()
    var missing: [String] = []
    var facts = Facts()
    facts.add("stub", .string("\(stub.target)"))
    facts.add("run_state", .string(session.runState))
    facts.add("architecture", .string(stub.architecture))
    let (cpus, readable) = (stub.cpus.count, try stub.readableCPUs().count)
    facts.add(
      "cpus", JSON(cpus), shown: readable == cpus ? nil : "\(readable) of \(cpus) vCPUs")
    facts.members.append(.init(key: "cpus_readable", value: JSON(readable)))
    facts.add("ram_bytes", .unsigned(stub.ram.byteCount))
    switch found {
    case .success(let (kernel, statsEnabled)):
      addKernel(kernel, to: &facts)
      facts.add("bpf_stats_enabled", JSON(statsEnabled), shown: statsEnabled == nil ? "-" : nil)
      do { _ = try session.programs } catch { missing = ["the BPF programs: \(error)"] }
    case .failure(let error): missing = ["the kernel: \(error)"]
    }
    return Answer(.object(facts.members), .pairs(facts.pairs), missing: missing)
  }

  /// The kernel, and whether it counts the runs of BPF programs.
  private func look(_ session: Session) throws -> (GuestKernel, Bool?) {
    try session.ofThisBoot { kernel in
      let statisticsSwitch = StatisticsSwitch(kernel)
      return try session.walk(kernel) { view, _ throws(ReadFault) in
        (kernel, try statisticsSwitch?.isOn(in: view) ?? nil)
      }
    }.value
  }

  private func addKernel(_ kernel: GuestKernel, to facts: inout Facts) {
    facts.add("release", .string(kernel.release))
    facts.add("banner", .string(kernel.banner))
    facts.add("text_base", .string(kernel.textBase.rawValue.hex))
    facts.add("kaslr_offset", .string(kernel.slide.hex))
    for name in ["phys_base", "kimage_voffset", "memstart_addr"] {
      if let value = kernel.variables[name] { facts.add(name, .string(value.hex)) }
    }
    if let pageOffset = kernel.context.pageOffset {
      facts.add("page_offset", .string(pageOffset.rawValue.hex))
    }
    facts.add("paging", .string(kernel.addressSpace.tables.format.name))
    facts.add("page_table_root", .string(kernel.context.root.rawValue.hex))
    facts.add("nr_cpu_ids", JSON(kernel.cpuIDs))
    facts.add("symbols", .string("\(kernel.symbols.count) from \(kernel.file)"))
    facts.add("btf", .string("\(kernel.btf.endID - 1) types from \(kernel.file)"))
  }

  private struct Facts {
    var members: [JSON.Member] = []
    var pairs: [(String, String)] = []

    /// - Parameter shown: what stands on screen; nil for the value itself.
    mutating func add(_ key: String, _ value: JSON, shown: String? = nil) {
      members.append(.init(key: key, value: value))
      let text = if case .string(let text) = value { text } else { value.text(pretty: false) }
      pairs.append((key, shown ?? text))
    }
  }
}

extension RunState {
  var text: String {
    switch self {
    case .running: "running"
    case .stopped(nil): "stopped"
    case .stopped(let reason?): "stopped (\(reason))"
    }
  }
}
