import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_event_entry` of include/linux/bpf.h.
private struct BPFEventEntry: KernelStruct {
  static let kernelName = "bpf_event_entry"
  let event = Link<SlotEvent>("event")
}

/// `struct perf_event` of include/linux/perf_event.h.
private struct SlotEvent: KernelStruct {
  static let kernelName = "perf_event"
  let type = Member<UInt32>("attr.type")
  let config = Member<UInt64>("attr.config")
  let cpu = Member<Int32>("cpu")
}

/// `struct xsk_map` of include/net/xdp_sock.h.
private struct XSKMapContents: KernelStruct {
  static let kernelName = "xsk_map"
  let map = Place("map")
  /// Pointers.
  let sockets = Member<[UInt64]>("xsk_map")
}

/// `struct xdp_sock` of include/net/xdp_sock.h.
private struct XDPSock: KernelStruct {
  static let kernelName = "xdp_sock"
  /// NULL until the socket is bound.
  let dev = OptionalLink<NetDevice>("dev")
  let queueID = Member<UInt16>("queue_id")
}

/// Arrays of what the system call lists and refuses to copy: a value is an error, and only memory says
/// what is in the slot.
extension MapReader {
  func events() throws(ReadFault) -> [MapEntry] {
    try uncopied("event", at: try arrayOfPointers(), error: MapEntry.Errno.notSupported) {
      pointer throws(ReadFault) in
      let event = try walk.read(BPFEventEntry.self, at: pointer).event
      return .event(type: event.type, config: event.config, cpu: event.cpu)
    }
  }

  func cgroups() throws(ReadFault) -> [MapEntry] {
    try uncopied("cgroup", at: try arrayOfPointers(), error: MapEntry.Errno.notSupported) {
      pointer throws(ReadFault) in
      let (cgroup, path) = try view.together(
        walk.read(Cgroup.self, at: pointer).kn.id, walk.cgroupPath(at: pointer))
      return .cgroup(id: cgroup, path: path)
    }
  }

  func xdpSockets() throws(ReadFault) -> [MapEntry] {
    let sockets = try map.container(\XSKMapContents.map).address(of: \.sockets)!
    return try uncopied("socket", at: sockets, error: MapEntry.Errno.operationNotSupported) {
      pointer throws(ReadFault) in
      let socket = try walk.read(XDPSock.self, at: pointer)
      return .xdpSocket(device: MapDevice(try socket.dev), queue: socket.queueID)
    }
  }

  private func arrayOfPointers() throws(ReadFault) -> KernelVirtualAddress {
    try map.container(\BPFArrayContents.map).address(of: \.value)!
  }

  private func uncopied(
    _ noun: String, at array: KernelVirtualAddress, error: Int32,
    _ read: (KernelVirtualAddress) throws(ReadFault) -> MapSlot
  ) throws(ReadFault) -> [MapEntry] {
    try pointers(noun, at: array, count: Int(head.maxEntries)) { index, pointer throws(ReadFault) in
      MapEntry(
        index: index, .error(error), slot: pointer.rawValue == 0 ? nil : try read(pointer))
    }
  }
}

extension MapDevice {
  /// Nil for no device.
  init?(_ device: KernelObject<NetDevice>?) {
    guard let device else { return nil }
    self.init(name: device.name, ifindex: device.ifindex)
  }
}
