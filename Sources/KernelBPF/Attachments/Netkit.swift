import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct netkit` of drivers/net/netkit.c, which the memory of such a device begins with: since 6.7.
private struct Netkit: KernelStruct {
  static let kernelName = "netkit"
  let peer = Member<KernelVirtualAddress>("peer")
  let active = Member<KernelVirtualAddress>("active")
  /// Programs are attached through this one of the pair.
  let primary = Member<Bool>("primary")
}

extension Walk {
  /// The programs of a pair of netkit devices, its own and its peer's, by `struct bpf_mprog_entry`;
  /// nil for a device that is not the primary one of a pair.
  func netkitEntries(
    of device: KernelObject<NetDeviceHooks>
  ) throws(ReadFault) -> (primary: KernelVirtualAddress, peer: KernelVirtualAddress?)? {
    guard kernel.linkTypes.number(of: "netkit") != nil,
      try device.rtnlLinkOps?.kind == "netkit"
    else { return nil }
    let netkit = try netkit(of: device.address)
    guard netkit.primary else { return nil }
    guard netkit.peer.rawValue != 0 else { return (netkit.active, nil) }
    return (netkit.active, try self.netkit(of: netkit.peer).active)
  }

  /// `netdev_priv()` of include/linux/netdevice.h.
  private func netkit(of device: KernelVirtualAddress) throws(ReadFault) -> KernelObject<Netkit> {
    // NETDEV_ALIGN is 32.
    let end = (try size(of: NetDeviceMemory.self) + 31) / 32 * 32
    let memory = device + (try offset(of: \NetDeviceMemory.priv) ?? end)
    if let netkit = try ifKnown(read(Netkit.self, at: memory)) { return netkit }
    return try read(Netkit.self, at: memory, by: try layouts(ofModule: "netkit"))
  }
}
