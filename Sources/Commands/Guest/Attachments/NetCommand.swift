import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `net`: programs that are attached to the network.
struct NetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "net", abstract: "Programs of network devices and namespaces: list.",
    subcommands: [NetList.self], defaultSubcommand: NetList.self)
}

/// `net list`: what is attached where, with the keys of `bpftool -j net show`.
struct NetList: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "The programs of all network namespaces.",
    discussion: """
      XDP, traffic control (tcx, netkit, and filters of clsact), flow dissectors, lookups of sockets, \
      and netfilter. The first network namespace comes first, then each other one that has programs, \
      with the inode that /proc/PID/ns/net has in that namespace. bpftool sees only its own.

      Programs that are attached to sockets, tunnels and queueing disciplines other than clsact are not \
      listed.
      """, aliases: ["show"])

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
    let snapshot = try session.ofThisBoot { try session.bpf(of: $0).networkAttachments() }
    let namespaces = snapshot.value
    let isEmpty = namespaces.allSatisfy(\.isEmpty) && snapshot.missing.isEmpty
    return Answer(
      .array(namespaces.map(\.document)), .lines(namespaces.flatMap(\.lines)),
      missing: snapshot.missing,
      remarks: isEmpty ? ["no BPF program is attached to the guest's network"] : [])
  }
}

extension NetworkAttachments {
  fileprivate var document: JSON {
    let own: [JSON.Member] = isFirst ? [] : [.init(key: "netns_ino", value: JSON(inum))]
    return .object(
      own + [
        .init(key: "xdp", value: .array(xdp.map(\.document))),
        .init(key: "tc", value: .array(trafficControl.map(\.document))),
        .init(key: "flow_dissector", value: .array(flowDissector.map { ["id": JSON($0)] })),
        .init(key: "sk_lookup", value: .array(socketLookup.map { ["id": JSON($0)] })),
        .init(key: "netfilter", value: .array(netfilter.map(\.document))),
      ])
  }

  /// Sections as bpftool has them, of a namespace other than the first one below its name.
  fileprivate var lines: [String] {
    let sections = [
      ("xdp", xdp.map(\.line)), ("tc", trafficControl.map(\.line)),
      ("flow_dissector", flowDissector.map { "id \($0)" }),
      ("sk_lookup", socketLookup.map { "id \($0)" }),
      ("netfilter", netfilter.map(\.line)),
    ]
    let text = sections.flatMap { name, lines in
      lines.isEmpty && (!isFirst || name == "sk_lookup") ? [] : [name + ":"] + lines + [""]
    }
    return (isFirst ? [] : ["network namespace \(inum):", ""]) + text
  }
}

extension NetworkAttachments.Device {
  fileprivate var members: [JSON.Member] {
    [
      .init(key: "devname", value: .string(name)),
      .init(key: "ifindex", value: .signed(Int64(index))),
    ]
  }

  fileprivate var text: String { "\(name)(\(index))" }
}

extension NetworkAttachments.XDP {
  var document: JSON {
    let modes = modes.map { mode, id in
      [JSON.Member(key: "mode", value: .string(mode)), .init(key: "id", value: JSON(id))]
    }
    return .object(
      device.members
        + (modes.count == 1
          ? modes[0] : [.init(key: "multi_attachments", value: .array(modes.map { .object($0) }))]))
  }

  var line: String {
    device.text + modes.map { " \($0.mode) id \($0.id)" }.joined()
  }
}

extension NetworkAttachments.TrafficControl {
  var document: JSON {
    var members = device.members + [.init(key: "kind", value: .string(kind))]
    if let name { members.append(.init(key: "name", value: .string(name))) }
    if let id { members.append(.init(key: linkID == nil ? "id" : "prog_id", value: JSON(id))) }
    if let linkID {
      // The kernel reports no flags of any program (bpf_mprog_query() of kernel/bpf/mprog.c).
      members += [
        .init(key: "prog_flags", value: []), .init(key: "link_id", value: JSON(linkID)),
        .init(key: "link_flags", value: []),
      ]
    }
    return .object(members)
  }

  var line: String {
    let program = id.map { linkID == nil ? " id \($0)" : " prog_id \($0)" } ?? ""
    let link = linkID.map { $0 == 0 ? "" : " link_id \($0)" } ?? ""
    return device.text + " " + kind + (name.map { " " + $0 } ?? "") + program + link
  }
}
