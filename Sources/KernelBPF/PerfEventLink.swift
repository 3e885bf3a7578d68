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

/// `struct perf_event` of include/linux/perf_event.h.
private struct PerfEvent: KernelStruct {
  static let kernelName = "perf_event"
  let type = Member<UInt32>("attr.type")
  let config = Member<UInt64>("attr.config")
  let prog = OptionalLink<BPFProgTarget>("prog")
  let tpEvent = OptionalLink<TraceEventCall>("tp_event")
  /// Since 5.15 (commit 82e6b1eee6a8).
  let bpfCookie = OptionalMember<UInt64>("bpf_cookie")
}

/// `struct trace_event_call` of include/linux/trace_events.h.
private struct TraceEventCall: KernelStruct {
  static let kernelName = "trace_event_call"
  let flags = Member<UInt32>("flags")
  /// A union: a flag says which of the two it is.
  let name = TextLink("name")
  let tp = OptionalLink<Tracepoint>("tp")
}

/// `struct trace_probe_event` of kernel/trace/trace_probe.h.
private struct TraceProbeEvent: KernelStruct {
  static let kernelName = "trace_probe_event"
  let call = Place("call")
  /// The first of the probes.
  let firstProbe = Link<ProbeListNode>("probes.next")
}

private struct ProbeListNode: KernelStruct {
  static let kernelName = "list_head"
}

private struct TraceProbe: KernelStruct {
  static let kernelName = "trace_probe"
  let list = Place("list")
}

/// `struct trace_kprobe` of kernel/trace/trace_kprobe.c.
private struct TraceKprobe: KernelStruct {
  static let kernelName = "trace_kprobe"
  let tp = Place("tp")
  /// NULL for a probe of an address.
  let symbol = TextLink("symbol")
  let addr = Member<KernelVirtualAddress>("rp.kp.addr")
  let offset = Member<UInt32>("rp.kp.offset")
  let missed = Member<UInt64>("rp.kp.nmissed")
  /// Set for a probe of a return.
  let handler = Member<KernelVirtualAddress>("rp.handler")
  let missedReturns = Member<UInt32>("rp.nmissed")
}

/// `struct trace_uprobe` of kernel/trace/trace_uprobe.c.
private struct TraceUprobe: KernelStruct {
  static let kernelName = "trace_uprobe"
  let tp = Place("tp")
  let filename = TextLink("filename")
  let offset = Member<UInt64>("offset")
  let refCtrOffset = OptionalMember<UInt64>("ref_ctr_offset")
  /// Set for a probe of a return.
  let retHandler = Member<KernelVirtualAddress>("consumer.ret_handler")
}

extension KernelObject<BPFLinkStruct> {
  /// `bpf_perf_link_fill_link_info()` of kernel/bpf/syscall.c, which kernels before 6.6 do not have;
  /// their memory says the same.
  func perfEvent() throws(ReadFault) -> [Detail] {
    let event = try container(\BPFPerfLink.link).perfFile.privateData
    let cookie = Detail("cookie", number(event.bpfCookie))
    let (program, call) = try view.together(event.prog, event.tpEvent)
    switch program.flatMap({ kernel.programTypes[$0.type] }) {
    case "perf_event":
      let (type, config) = PerfEventNames.names(type: event.type, config: event.config)
      return [
        Detail("event_type", type.map { .text($0) } ?? number(event.type)),
        Detail("event_config", config.map { .text($0) } ?? number(event.config)), cookie,
      ]
    case "tracepoint":
      guard let call else { return [Detail("tracepoint", nil), cookie] }
      // The call of a tracepoint has the tracepoint's name, that of a system call its own.
      let name = kernel.flag("TRACEPOINT", of: call) ? try call.tp?.name : try call.name
      return [Detail("tracepoint", name.map { .text($0) }), cookie]
    case "kprobe":
      guard let call else { return [] }
      if kernel.flag("KPROBE", of: call) { return try kprobe(call) + [cookie] }
      if kernel.flag("UPROBE", of: call) { return try uprobe(call) + [cookie] }
      return []
    default: return []
    }
  }

  private func probe(
    _ call: KernelObject<TraceEventCall>
  ) throws(ReadFault) -> KernelObject<TraceProbe> {
    try call.container(\TraceProbeEvent.call).firstProbe.container(\TraceProbe.list)
  }

  private func kprobe(_ call: KernelObject<TraceEventCall>) throws(ReadFault) -> [Detail] {
    let probe = try probe(call).container(\TraceKprobe.tp)
    let isReturn = probe.handler.rawValue != 0
    return [
      Detail("retprobe", .bool(isReturn)), Detail("addr", number(probe.addr.rawValue)),
      Detail("func", try probe.symbol.map { .text($0) }),
      Detail("offset", number(probe.offset)),
      Detail("missed", number(probe.missed &+ (isReturn ? UInt64(probe.missedReturns) : 0))),
    ]
  }

  private func uprobe(_ call: KernelObject<TraceEventCall>) throws(ReadFault) -> [Detail] {
    let probe = try probe(call).container(\TraceUprobe.tp)
    return [
      Detail("retprobe", .bool(probe.retHandler.rawValue != 0)),
      Detail("file", try probe.filename.map { .text($0) }),
      Detail("offset", number(probe.offset)),
      Detail("ref_ctr_offset", number(probe.refCtrOffset)),
    ]
  }
}

extension GuestKernel {
  /// `TRACE_EVENT_FL_…` of include/linux/trace_events.h. The bits have moved: the kernel's own
  /// enumeration, which has no name, says which they are.
  fileprivate func flag(_ name: String, of call: KernelObject<TraceEventCall>) -> Bool {
    guard let bit = enumerator(named: "TRACE_EVENT_FL_\(name)_BIT"), (0..<32).contains(bit) else {
      return false
    }
    return call.flags >> UInt32(bit) & 1 == 1
  }
}
