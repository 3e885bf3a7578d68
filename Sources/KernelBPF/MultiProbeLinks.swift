import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_kprobe_multi_link` of kernel/trace/bpf_trace.c: since 5.18.
private struct BPFKprobeMultiLink: KernelStruct {
  static let kernelName = "bpf_kprobe_multi_link"
  let link = Place("link")
  let cnt = Member<UInt32>("cnt")
  let addrs = Member<KernelVirtualAddress>("addrs")
  /// NULL if no cookies were given.
  let cookies = Member<KernelVirtualAddress>("cookies")
  /// 6.6 has it, 6.1 and 6.18 do not.
  let flags = OptionalMember<UInt32>("flags")
  let exitHandler = Member<KernelVirtualAddress>("fp.exit_handler")
  let nmissed = Member<UInt64>("fp.nmissed")
}

/// `struct bpf_uprobe_multi_link` of kernel/trace/bpf_trace.c: since 6.6.
private struct BPFUprobeMultiLink: KernelStruct {
  static let kernelName = "bpf_uprobe_multi_link"
  let link = Place("link")
  let path = Link<KernelPath>("path")
  let uprobes = Items<BPFUprobe>("uprobes", count: "cnt", most: 1 << 20)
  let cnt = Member<UInt32>("cnt")
  /// Up to 6.17.
  let flags = OptionalMember<UInt32>("flags")
  /// NULL for all processes.
  let task = OptionalLink<ProbedTask>("task")
}

private struct BPFUprobe: KernelStruct {
  static let kernelName = "bpf_uprobe"
  let offset = Member<UInt64>("offset")
  /// In 6.6 and 6.7 only where a stable release has it.
  let refCtrOffset = OptionalMember<UInt64>("ref_ctr_offset")
  /// NULL for probes at the start of functions.
  let returnHandler = OptionalMember<KernelVirtualAddress>("consumer.ret_handler")
  let cookie = Member<UInt64>("cookie")
}

private struct ProbedTask: KernelStruct {
  static let kernelName = "task_struct"
  let pid = Member<UInt32>("pid")
}

extension KernelObject<BPFLinkStruct> {
  /// MAX_KPROBE_MULTI_CNT of kernel/trace/bpf_trace.c.
  private static var mostFunctions: UInt32 { 1 << 20 }

  /// `bpf_kprobe_multi_link_fill_link_info()`, which kernels before 6.6 do not have; their memory
  /// says the same.
  func kprobeMulti() throws(ReadFault) -> [Detail] {
    let link = try container(\BPFKprobeMultiLink.link)
    guard link.cnt <= Self.mostFunctions else {
      throw .corrupt("a link to \(link.cnt) functions", at: link.address)
    }
    // They stay as they are as long as the link lives, and may be many.
    let key = ObjectKey("functions of link", id: UInt64(self.id), at: address)
    let functions = try view.constant(key) { () throws(ReadFault) in
      let size = 8 * Int(link.cnt)
      let hasCookies = link.cookies.rawValue != 0
      let (addresses, cookies) = try view.together(
        view.bytes(at: link.addrs, count: size),
        hasCookies ? view.bytes(at: link.cookies, count: size) : [])
      return (0..<Int(link.cnt)).map { index in
        (addresses.u64(at: 8 * index) ?? 0, cookies.u64(at: 8 * index) ?? 0)
      }.sorted { $0.0 < $1.0 }
    }
    // BPF_F_KPROBE_MULTI_RETURN of include/uapi/linux/bpf.h.
    let isReturn =
      (link.flags ?? self.flags).map { $0 & 1 != 0 } ?? (link.exitHandler.rawValue != 0)
    return [
      Detail("retprobe", .bool(isReturn)), Detail("func_cnt", number(link.cnt)),
      Detail("missed", number(link.nmissed)),
      Detail(
        "funcs",
        .elements(
          try view.each(functions) { address, cookie throws(ReadFault) in
            try function(at: address, cookie: cookie)
          })),
    ]
  }

  private func function(
    at address: UInt64, cookie: UInt64
  ) throws(ReadFault) -> KernelValue {
    func fields(_ address: UInt64, _ name: String, _ module: String?) -> KernelValue {
      .fields([
        .init("addr", .unsigned(address)), .init("func", .text(name)),
        .init("module", module.map { .text($0) } ?? .absent), .init("cookie", .unsigned(cookie)),
      ])
    }
    // A probe may be after what a function begins with: the `endbr64` of indirect-branch tracking, and on
    // arm64 with branch target identification two instructions.
    let image = [0, 4, 8].lazy.compactMap { kernel.function(at: address &- $0) }.first
    if let image { return fields(image.address, image.name, nil) }
    let place = KernelVirtualAddress(address)
    if kernel.isLoadable(place), let symbol = try walk.loadedSymbol(at: place),
      address &- symbol.address.rawValue <= 8
    {
      return fields(symbol.address.rawValue, symbol.name, symbol.module)
    }
    return fields(address, "", nil)
  }

  func uprobeMulti() throws(ReadFault) -> [Detail] {
    let link = try container(\BPFUprobeMultiLink.link)
    let (path, (functions, hasReturnHandler), task) = try view.together(
      link.path.text(), functions(of: link), link.task?.pid ?? 0)
    // In 6.6 and 6.7 nothing but the handlers says so.
    let isReturn = (link.flags ?? self.flags).map { $0 & 1 != 0 } ?? hasReturnHandler
    return [
      Detail("retprobe", isReturn.map { .bool($0) }), Detail("path", .text(path)),
      Detail("func_cnt", number(link.cnt)), Detail("pid", number(task)),
      Detail("funcs", .elements(functions)),
    ]
  }

  /// They stay as they are as long as the link lives, and may be many.
  private func functions(
    of link: KernelObject<BPFUprobeMultiLink>
  ) throws(ReadFault) -> (values: [KernelValue], hasReturnHandler: Bool?) {
    let key = ObjectKey("functions of link", id: UInt64(self.id), at: address)
    return try view.constant(key) { () throws(ReadFault) in
      let probes = try link.uprobes ?? []
      let values = probes.map { probe -> KernelValue in
        .fields([
          .init("offset", .unsigned(probe.offset)),
          .init("ref_ctr_offset", probe.refCtrOffset.map { .unsigned($0) } ?? .absent),
          .init("cookie", .unsigned(probe.cookie)),
        ])
      }
      return (values, probes.first?.returnHandler.map { $0.rawValue != 0 })
    }
  }
}
