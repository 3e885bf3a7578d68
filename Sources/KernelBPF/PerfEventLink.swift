import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_perf_link` of kernel/bpf/syscall.c: since 5.15.
private struct BPFPerfLink: KernelStruct {
  static let kernelName = "bpf_perf_link"
  let link = Place("link")
  let perfFile = Link<PerfFile>("perf_file")
}

private struct PerfFile: KernelStruct {
  static let kernelName = "file"
  let privateData = Link<PerfEvent>("private_data")
}

extension KernelObject<BPFLinkStruct> {
  /// `bpf_perf_link_fill_link_info()` of kernel/bpf/syscall.c, which kernels before 6.6 do not have;
  /// their memory says the same.
  func perfEvent() throws(ReadFault) -> [Detail] {
    let event = try container(\BPFPerfLink.link).perfFile.privateData
    let cookie = Detail("cookie", number(event.bpfCookie))
    let (program, _) = try view.together(event.prog, event.tpEvent)
    switch program.flatMap({ kernel.programTypes[$0.type] }) {
    case "perf_event":
      let (type, config) = PerfEventNames.names(type: event.type, config: event.config)
      return [
        Detail("event_type", type.map { .text($0) } ?? number(event.type)),
        Detail("event_config", config.map { .text($0) } ?? number(event.config)), cookie,
      ]
    case "tracepoint":
      return [Detail("tracepoint", try event.tracepoint().map { .text($0) }), cookie]
    case "kprobe":
      if let probe = try event.kprobe() { return try details(of: probe) + [cookie] }
      if let probe = try event.uprobe() { return try details(of: probe) + [cookie] }
      return []
    default: return []
    }
  }

  private func details(of probe: KernelObject<TraceKprobe>) throws(ReadFault) -> [Detail] {
    [
      Detail("retprobe", .bool(probe.isReturn)), Detail("addr", number(probe.addr.rawValue)),
      Detail("func", try probe.symbol.map { .text($0) }),
      Detail("offset", number(probe.offset)),
      Detail("missed", number(probe.missed &+ (probe.isReturn ? UInt64(probe.missedReturns) : 0))),
    ]
  }

  private func details(of probe: KernelObject<TraceUprobe>) throws(ReadFault) -> [Detail] {
    [
      Detail("retprobe", .bool(probe.isReturn)),
      Detail("file", try probe.filename.map { .text($0) }),
      Detail("offset", number(probe.offset)),
      Detail("ref_ctr_offset", number(probe.refCtrOffset)),
    ]
  }
}
