import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct mini_Qdisc` of include/net/sch_generic.h: what clsact does with packets.
private struct MiniQdisc: KernelStruct {
  static let kernelName = "mini_Qdisc"
  let filterList = Link<TcfProto>("filter_list")
}

/// `struct tcf_block` of include/net/sch_generic.h.
private struct TcfBlock: KernelStruct {
  static let kernelName = "tcf_block"
  let chainList = Place("chain_list")
}

private struct TcfChain: KernelStruct {
  static let kernelName = "tcf_chain"
  let list = Place("list")
  let filterChain = OptionalLink<TcfProto>("filter_chain")
}

private struct OwningTcfChain: KernelStruct {
  static let kernelName = "tcf_chain"
  let block = Link<TcfBlock>("block")
}

private struct TcfProto: KernelStruct {
  static let kernelName = "tcf_proto"
  let next = OptionalLink<TcfProto>("next")
  let root = Member<KernelVirtualAddress>("root")
  let chain = Link<OwningTcfChain>("chain")
  let ops = Link<TcfProtoOps>("ops")
}

private struct TcfProtoOps: KernelStruct {
  static let kernelName = "tcf_proto_ops"
  let kind = Member<String>("kind", size: 16)
}

/// A filter of traffic control that a program decides.
struct TrafficFilter {
  /// As the filter was called when it was made; nil for classic BPF.
  var name: String?
  /// Of the program; nil for classic BPF.
  var id: UInt32?
}

extension Walk {
  private static let mostFilters = 1 << 12

  /// The programs among the filters of clsact, in the order in which they are asked
  /// (`cls_bpf_walk()` of net/sched/cls_bpf.c); none where the pointer is NULL.
  ///
  /// - Parameters:
  ///   - miniQdisc: of a `struct mini_Qdisc`.
  ///   - noun: what messages call a filter.
  func trafficFilters(
    of miniQdisc: KernelVirtualAddress?, called noun: String
  ) throws(ReadFault) -> [TrafficFilter] {
    guard let miniQdisc, miniQdisc.rawValue != 0 else { return [] }
    // It leads to the first filter of the first chain, and not always to the block of all chains.
    let block = try read(MiniQdisc.self, at: miniQdisc).filterList.chain.block
    let chains = try list(at: block.address(of: \.chainList)!, of: \TcfChain.list) {
      chain throws(ReadFault) in try filters(of: chain, noun)
    }
    return chains.flatMap { $0 }
  }

  private func filters(
    of chain: KernelObject<TcfChain>, _ noun: String
  ) throws(ReadFault) -> [TrafficFilter] {
    var (found, next) = ([TrafficFilter](), try chain.filterChain)
    var known: Set<KernelVirtualAddress> = []
    while let proto = next {
      guard known.insert(proto.address).inserted, known.count <= Self.mostFilters else {
        throw .corrupt("a chain of filters that does not end", at: proto.address)
      }
      let key = ObjectKey(noun, id: UInt64(known.count - 1), at: proto.address)
      found +=
        try view.object(key) { () throws(ReadFault) in
          try proto.ops.kind == "bpf" ? filters(of: proto) : []
        } ?? []
      next = try proto.next
    }
    return found
  }

  private func filters(of proto: KernelObject<TcfProto>) throws(ReadFault) -> [TrafficFilter] {
    guard proto.root.rawValue != 0 else { return [] }
    let isBuiltIn = try ifKnown(size(of: ClsBPFHead.self)) != nil
    let layouts =
      isBuiltIn
      ? kernel.layouts : try layouts(ofModule: "cls_bpf", declaring: StructDeclaration.clsBPF)
    let head = try read(ClsBPFHead.self, at: proto.root, by: layouts)
    return try list(
      at: head.address(of: \.plist)!, of: \ClsBPFProg.link, most: Self.mostFilters, by: layouts
    ) { filter throws(ReadFault) in
      guard filter.bpfOps.rawValue == 0 else { return TrafficFilter() }
      let (name, id) = try view.together(
        filter.bpfName, id(ofClassifier: filter.filter))
      return TrafficFilter(name: name, id: id)
    }
  }

  /// cls_bpf takes programs of one type. Where no types say what a filter is made of, this shows that what
  /// was read is one.
  private func id(ofClassifier address: KernelVirtualAddress) throws(ReadFault) -> UInt32 {
    let prog = try read(BPFProgTarget.self, at: address)
    guard kernel.programTypes[prog.type] == "sched_cls" else {
      throw .corrupt("a filter of cls_bpf that is a program of another type", at: address)
    }
    return try prog.aux.id
  }
}
