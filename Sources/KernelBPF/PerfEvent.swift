import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct perf_event` of include/linux/perf_event.h.
struct PerfEvent: KernelStruct {
  static let kernelName = "perf_event"
  let type = Member<UInt32>("attr.type")
  let config = Member<UInt64>("attr.config")
  let prog = OptionalLink<BPFProgTarget>("prog")
  let tpEvent = OptionalLink<TraceEventCall>("tp_event")
  /// Since 5.15 (commit 82e6b1eee6a8).
  let bpfCookie = OptionalMember<UInt64>("bpf_cookie")
}

/// `struct trace_event_call` of include/linux/trace_events.h.
struct TraceEventCall: KernelStruct {
  static let kernelName = "trace_event_call"
  let flags = Member<UInt32>("flags")
  /// A union: a flag says which of the two it is.
  let name = TextLink("name")
  let tp = OptionalLink<Tracepoint>("tp")
}

/// `struct trace_probe_event` of kernel/trace/trace_probe.h.
struct TraceProbeEvent: KernelStruct {
  static let kernelName = "trace_probe_event"
  let call = Place("call")
  /// The first of the probes.
  let firstProbe = Link<ProbeListNode>("probes.next")
}

struct ProbeListNode: KernelStruct {
  static let kernelName = "list_head"
}

struct TraceProbe: KernelStruct {
  static let kernelName = "trace_probe"
  let list = Place("list")
}

/// `struct trace_kprobe` of kernel/trace/trace_kprobe.c.
struct TraceKprobe: KernelStruct {
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
struct TraceUprobe: KernelStruct {
  static let kernelName = "trace_uprobe"
  let tp = Place("tp")
  let filename = TextLink("filename")
  let offset = Member<UInt64>("offset")
  let refCtrOffset = OptionalMember<UInt64>("ref_ctr_offset")
  /// Set for a probe of a return.
  let retHandler = Member<KernelVirtualAddress>("consumer.ret_handler")
}

extension KernelObject<PerfEvent> {
  /// The tracepoint or system call of an event that is one; nil for another event.
  func tracepoint() throws(ReadFault) -> String? {
    guard let call = try self.tpEvent else { return nil }
    // The call of a tracepoint has the tracepoint's name, that of a system call its own.
    return kernel.flag("TRACEPOINT", of: call) ? try call.tp?.name : try call.name
  }

  /// Nil for another event.
  func kprobe() throws(ReadFault) -> KernelObject<TraceKprobe>? {
    guard let call = try self.tpEvent, kernel.flag("KPROBE", of: call) else { return nil }
    return try call.probe().container(\TraceKprobe.tp)
  }

  /// Nil for another event.
  func uprobe() throws(ReadFault) -> KernelObject<TraceUprobe>? {
    guard let call = try self.tpEvent, kernel.flag("UPROBE", of: call) else { return nil }
    return try call.probe().container(\TraceUprobe.tp)
  }
}

extension KernelObject<TraceEventCall> {
  fileprivate func probe() throws(ReadFault) -> KernelObject<TraceProbe> {
    try container(\TraceProbeEvent.call).firstProbe.container(\TraceProbe.list)
  }
}

extension KernelObject<TraceKprobe> {
  var isReturn: Bool { self.handler.rawValue != 0 }
}

extension KernelObject<TraceUprobe> {
  var isReturn: Bool { self.retHandler.rawValue != 0 }
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
