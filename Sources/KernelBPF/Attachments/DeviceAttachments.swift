import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// The programs of a network device.
struct DeviceAttachments {
  var device: NetworkAttachments.Device
  /// Nil for a device without one.
  var xdp: NetworkAttachments.XDP?
  var trafficControl: [NetworkAttachments.TrafficControl] = []
}

extension Walk {
  func attachments(
    of hooks: KernelObject<NetDeviceHooks>
  ) throws(ReadFault) -> DeviceAttachments {
    let device = NetworkAttachments.Device(name: hooks.name, index: hooks.ifindex)
    let (modes, programs, ingress, egress) = try view.together(
      xdp(of: hooks), multiPrograms(of: hooks, device),
      miniQdisc(hooks.miniqIngress, hooks.tcxIngress),
      miniQdisc(hooks.miniqEgress, hooks.tcxEgress))
    let (entering, leaving) = try view.together(
      trafficFilters(of: ingress, called: "clsact/ingress filter of \(device.name)"),
      trafficFilters(of: egress, called: "clsact/egress filter of \(device.name)"))
    let filters =
      entering.map { ("clsact/ingress", $0) } + leaving.map { ("clsact/egress", $0) }
    return DeviceAttachments(
      device: device, xdp: modes.isEmpty ? nil : .init(device: device, modes: modes),
      trafficControl: programs
        + filters.map { kind, filter in
          .init(device: device, kind: kind, name: filter.name, id: filter.id, linkID: nil)
        })
  }

  // MARK: XDP

  /// `dev_xdp_prog_id()` of net/core/dev.c, in the order of `rtnl_xdp_fill()`.
  private func xdp(
    of hooks: KernelObject<NetDeviceHooks>
  ) throws(ReadFault) -> [(mode: String, id: UInt32)] {
    let (generic, driver, hardware) = try view.together(
      id(of: hooks.generic), id(of: hooks.driver), id(of: hooks.hardware))
    let modes = [("generic", generic), ("driver", driver), ("offload", hardware)]
    return modes.compactMap { mode, id in id.map { (mode, $0) } }
  }

  private func id(of entity: KernelObject<BPFXDPEntity>?) throws(ReadFault) -> UInt32? {
    guard let entity else { return nil }
    let prog = try entity.link?.prog ?? entity.prog
    return prog.rawValue == 0 ? nil : try read(BPFProgTarget.self, at: prog).aux.id
  }

  // MARK: Traffic control

  private func miniQdisc(
    _ own: KernelVirtualAddress?, _ entry: KernelVirtualAddress?
  ) throws(ReadFault) -> KernelVirtualAddress? {
    if let own { return own }
    return try miniQdisc(ofTCX: entry)
  }

  /// In the order in which bpftool asks for them.
  private func multiPrograms(
    of hooks: KernelObject<NetDeviceHooks>, _ device: NetworkAttachments.Device
  ) throws(ReadFault) -> [NetworkAttachments.TrafficControl] {
    let netkit = try netkitEntries(of: hooks)
    let places = [
      ("tcx/ingress", hooks.tcxIngress), ("tcx/egress", hooks.tcxEgress),
      ("netkit/primary", netkit?.primary), ("netkit/peer", netkit?.peer),
    ]
    let found = try view.each(places) { kind, entry throws(ReadFault) in
      try multiPrograms(of: entry).map { place in
        let name = place.program.name
        return NetworkAttachments.TrafficControl(
          device: device, kind: kind, name: name.isEmpty ? nil : name, id: place.program.id,
          linkID: place.linkID)
      }
    }
    return found.flatMap { $0 }
  }
}
