import GuestScopeKernelBPF

extension NetworkAttachments.Netfilter {
  var document: JSON {
    let members: [JSON.Member?] = [
      .init(key: "pf", value: JSON(family)), .init(key: "hook", value: JSON(hook)),
      .init(key: "prio", value: .signed(Int64(priority))),
      .init(key: "flags", value: JSON(flags)), .init(key: "id", value: JSON(id)),
      isDetached ? .init(key: "detached", value: .bool(true)) : nil,
    ]
    return .object(members.compactMap { $0 })
  }

  /// As bpftool prints it: `ip input prio -10 prog_id 33`.
  var line: String {
    let flags = flags.map { $0 == 0 ? "" : " flags 0x" + String($0, radix: 16) } ?? ""
    return "\(familyText) \(hookText) prio \(priority)\(flags) prog_id \(id)"
      + (isDetached ? " (detached)" : "")
  }

  /// NFPROTO_… of include/uapi/linux/netfilter.h.
  private var familyText: String {
    switch family {
    case 1: "inet"
    case 2: "ip"
    case 3: "arp"
    case 5: "netdev"
    case 7: "bridge"
    case 10: "ip6"
    default: "pf \(family)"
    }
  }

  /// `enum nf_inet_hooks`, and NF_ARP_… of include/uapi/linux/netfilter_arp.h.
  private var hookText: String {
    let names =
      switch family {
      case 1, 2, 7, 10: ["prerouting", "input", "forward", "output", "postrouting"]
      case 3: ["input", "output"]
      default: [String]()
      }
    return hook < UInt32(names.count) ? names[Int(hook)] : "hook \(hook)"
  }
}
