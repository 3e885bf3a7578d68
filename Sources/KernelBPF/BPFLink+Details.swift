import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What the structure around a link says of it: `fill_link_info` of its `bpf_link_ops`. A pointer
/// that is NULL means that the link is detached, and shows as 0.
extension KernelObject<BPFLinkStruct> {
  typealias Detail = BPFLink.Detail

  /// - Parameter type: the word of bpftool.
  func details(of type: String) throws(ReadFault) -> [Detail] {
    switch type {
    case "raw_tracepoint": try rawTracepoint()
    case "tracing": try tracing()
    case "cgroup": try cgroup()
    case "iter": try iterator()
    case "netns": try networkNamespace()
    case "xdp": device(try container(\BPFXDPLink.link).dev)
    case "tcx", "netkit": try networkDevice()
    case "netfilter": try netfilter()
    case "sockmap": try sockmap()
    case "struct_ops":
      [Detail("map_id", number(try container(\BPFStructOpsLink.link).map?.id ?? 0))]
    case "perf_event": try perfEvent()
    case "kprobe_multi": try kprobeMulti()
    case "uprobe_multi": try uprobeMulti()
    case "tracing_multi": try tracingMulti()
    default: []
    }
  }

  func number(_ value: (some BinaryInteger)?) -> KernelValue? {
    value.map { .unsigned(UInt64(truncatingIfNeeded: $0)) }
  }

  /// - Parameter own: what the structure around the link has, before 6.18.
  func attachType(_ own: UInt32?) -> Detail {
    let type = own ?? self.attachType
    let word = type.flatMap { kernel.attachTypes[$0] }
    return Detail("attach_type", word.map { .text($0) } ?? number(type))
  }

  // MARK: Tracing

  private func rawTracepoint() throws(ReadFault) -> [Detail] {
    let link = try container(\BPFRawTPLink.link)
    return [
      Detail("tp_name", try link.btp.tp.name.map { .text($0) }),
      Detail("cookie", number(link.cookie)),
    ]
  }

  private func tracing() throws(ReadFault) -> [Detail] {
    let link = try container(\BPFTracingLink.link)
    let (program, trampoline) = try view.together(self.prog, link.trampoline)
    let word = program.flatMap { kernel.programTypes[$0.type] }
    let key = trampoline?.key
    // bpf_trampoline_compute_key(): with bit 31 the upper half is the id of a BTF object, without it
    // that of a program. Kernels before 5.11 have no id for their own BTF: a 0.
    return [
      Detail("prog_type", word.map { .text($0) } ?? number(program?.type)),
      attachType(link.attachType),
      Detail("target_obj_id", number(key.map { $0 >> 32 })),
      Detail("target_btf_id", number(key.map { $0 & 0x7fff_ffff })),
      Detail("cookie", number(link.cookie)),
    ]
  }

  private func tracingMulti() throws(ReadFault) -> [Detail] {
    let link = try container(\BPFTracingMultiLink.link)
    return [attachType(nil), Detail("func_cnt", number(link.nodesCnt))]
  }

  private func iterator() throws(ReadFault) -> [Detail] {
    let link = try container(\BPFIterLink.link)
    let target = try link.tinfo.regInfo.target ?? ""
    var details = [Detail("target_name", .text(target))]
    switch target {
    case "bpf_map_elem", "bpf_sk_storage_map":
      details.append(Detail("map_id", number(try link.map?.id ?? 0)))
    case "task", "task_file", "task_vma":
      // BPF_TASK_ITER_TID and BPF_TASK_ITER_TGID of include/linux/bpf.h; 0 is all tasks.
      switch link.taskType {
      case 1: details.append(Detail("tid", number(link.taskPID)))
      case 2: details.append(Detail("pid", number(link.taskPID)))
      default: break
      }
    case "cgroup":
      let (id, path) = try view.together(
        link.cgroupStart?.kn.id ?? 0, path(of: link.address(of: \.cgroupStart)))
      details += [Detail("cgroup_id", number(id)), path]
      let orders = kernel.words(of: "bpf_cgroup_iter_order", prefix: "BPF_CGROUP_ITER_")
      let order = link.cgroupOrder.map { orders[$0] ?? "unknown" }
      details.append(Detail("order", order.map { .text($0) }))
    default: break
    }
    return details
  }

  // MARK: Cgroups and networks

  private func cgroup() throws(ReadFault) -> [Detail] {
    let link = try container(\BPFCgroupLink.link)
    let (id, path) = try view.together(
      link.cgroup?.kn.id ?? 0, path(of: link.address(of: \.cgroup)))
    return [Detail("cgroup_id", number(id)), attachType(link.type), path]
  }

  /// The path of a cgroup, nil for none: bpftool leaves it to the user to find the folder with the id.
  private func path(of cgroup: KernelVirtualAddress?) throws(ReadFault) -> Detail {
    guard let cgroup else { return Detail("path", nil) }
    return Detail("path", .text(try walk.cgroupPath(at: cgroup)))
  }

  private func networkNamespace() throws(ReadFault) -> [Detail] {
    let link = try container(\BPFNetnsLink.link)
    let net = try link.net
    // check_net(): a namespace that is being taken down no longer counts.
    let isAlive = net.map { $0.count != 0 } ?? false
    return [Detail("netns_ino", number(isAlive ? net?.inum : 0)), attachType(link.type)]
  }

  private func device(_ device: KernelObject<NetDevice>?) -> [Detail] {
    [
      Detail("devname", .text(device?.name ?? "(detached)")),
      Detail("ifindex", number(device?.ifindex ?? 0)),
    ]
  }

  /// `struct tcx_link` and `struct netkit_link` have the same members.
  private func networkDevice() throws(ReadFault) -> [Detail] {
    let isTCX = kernel.linkTypes[self.type] == "tcx"
    if isTCX {
      let link = try container(\TCXLink.link)
      return device(try link.dev) + [attachType(link.location)]
    }
    let link = try container(\NetkitLink.link, ofModule: "netkit")
    return device(try link.dev) + [attachType(link.location)]
  }

  private func netfilter() throws(ReadFault) -> [Detail] {
    let link = try container(\AttachedNFLink.link)
    return [
      Detail("pf", number(link.pf)), Detail("hook", number(link.hooknum)),
      Detail("prio", .signed(Int64(link.priority))),
      // BPF_F_NETFILTER_IP_DEFRAG of include/uapi/linux/bpf.h.
      Detail("flags", number(link.defragHook.map { $0.rawValue == 0 ? 0 : 1 })),
    ]
  }

  private func sockmap() throws(ReadFault) -> [Detail] {
    let link = try container(\SockmapLink.link)
    return [Detail("map_id", number(try link.map?.id ?? 0)), attachType(link.attachType)]
  }
}
