import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeLinuxKernel

/// `info`: the guest, its kernel, and where what we know of it came from.
struct Info: RunStateCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "The stub, the guest and its kernel.",
    discussion: """
      Not all vCPUs need be in one kernel: after a crash with kdump one runs the crash kernel, and \
      the others stand still in the kernel that crashed. vcpus says where each is: in this_kernel, \
      which the answer is about, in other_kernel, or in no_kernel, as firmware is. panic_cpu is the \
      CPU on which this kernel panicked.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
    _ = try session.source
    // The first, for after a reset the source is another, too.
    let found = Result { try session.kernelState() }
    if case .failure(let error as any GuestFailure) = found, error.isOfConnection { throw error }
    let source = try session.source
    _ = try source.lookAgain()
    var missing: [String] = []
    var facts = Facts()
    facts.add("stub", .string(source.identity))
    facts.add("run_state", .string(session.runState))
    facts.add("architecture", .string(source.architecture))
    let (cpus, readable) = (source.cpus.count, try source.readableCPUs().count)
    facts.add(
      "cpus", JSON(cpus), readable == cpus ? nil : ["\(readable) of \(cpus) vCPUs"])
    facts.add("cpus_readable", JSON(readable), [])
    facts.add("ram_bytes", .unsigned(source.ram.byteCount))
    switch found {
    case .success(let state):
      addKernel(state, to: &facts)
      facts.add(
        "bpf_stats_enabled", JSON(state.countsRuns), state.countsRuns == nil ? ["-"] : nil)
      facts.add("panic_cpu", JSON(state.panicCPU), [state.panicCPU.map { "\($0)" } ?? "-"])
      let trouble = TroubleSection(troubles: state.troubles, taint: state.taint)
      facts.add(trouble)
      facts.add("crash_kernel", .bool(state.kernel.isCrashKernel))
      facts.add(
        "vcpus", state.vcpusJSON,
        state.vcpus.places.map { "\($0.cpus): \($0.text)" })
      do { _ = try state.kernel.address(of: "prog_idr") } catch {
        missing = ["the BPF programs: \(error)"]
      }
    case .failure(let error):
      missing = ["the kernel: \(error)"]
      for key in ["symbols", "btf", "bpf_stats_enabled"] { facts.add(key, .null, []) }
    }
    return Answer(.object(facts.members), .pairs(facts.pairs), missing: missing)
  }

  private func addKernel(_ state: KernelState, to facts: inout Facts) {
    let kernel = state.kernel
    facts.add("release", .string(kernel.release))
    facts.add("banner", .string(kernel.banner))
    facts.add("text_base", .string(kernel.textBase.rawValue.hex))
    facts.add("kaslr_offset", JSON(state.kaslrOffset?.hex), state.kaslrOffset == nil ? ["-"] : nil)
    for name in ["phys_base", "kimage_voffset", "memstart_addr"] {
      if let value = kernel.variables[name] { facts.add(name, .string(value.hex)) }
    }
    if let pageOffset = kernel.addressSpace.pageOffset {
      facts.add("page_offset", .string(pageOffset.rawValue.hex))
    }
    facts.add("paging", .string(kernel.addressSpace.tables.format.name))
    facts.add("page_table_root", .string(kernel.addressSpace.tables.root.rawValue.hex))
    facts.add("nr_cpu_ids", JSON(kernel.cpuIDs))
    let origin = kernel.origin
    let isOfFile = origin.kind != .memory
    facts.add("build_id", JSON(kernel.buildID?.hex), kernel.buildID == nil ? ["-"] : nil)
    facts.add("kernel_file", isOfFile ? .string(kernel.file) : .null, isOfFile ? nil : ["-"])
    let (symbols, types) = (kernel.symbols.count, kernel.btf.endID.rawValue - 1)
    for (key, counted, count, noun) in [
      ("symbols", "count", symbols, ""), ("btf", "types", Int(types), " types"),
    ] {
      let source = origin.kind.rawValue
      facts.add(
        key, [counted: JSON(count), "source": .string(source), "cached": .bool(origin.isKept)],
        ["\(count)\(noun) from \(source)" + (origin.isKept ? ", kept from an earlier run" : "")])
    }
    let (check, text) = Self.check(kernel)
    facts.add("checked", .string(check), [text])
  }

  /// How it was found out that symbols and types are this kernel's.
  private static func check(_ kernel: GuestKernel) -> (String, String) {
    if kernel.origin.kind == .memory, !kernel.origin.isKept {
      return (
        "consistency",
        "symbols and types agree with each other, the page tables and the registers"
      )
    }
    return kernel.buildID != nil
      ? ("build_id", "the guest's kernel has the same build-id")
      : ("banner", "the guest's kernel has the same banner")
  }

  private struct Facts {
    private(set) var members: [JSON.Member] = []
    private(set) var pairs: [(String, String)] = []

    mutating func add(_ trouble: TroubleSection) {
      members += trouble.json
      // What has happened to the guest comes before what it is.
      pairs = trouble.lines.map { ($0.heading, $0.text) } + pairs
    }

    /// - Parameter texts: what stands on the screen, a line each; nil for the value itself.
    mutating func add(_ key: String, _ value: JSON, _ texts: [String]? = nil) {
      members.append(.init(key: key, value: value))
      var text = value.text(pretty: false)
      if case .string(let string) = value { text = string }
      pairs += (texts ?? [text]).map { (key, $0) }
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
