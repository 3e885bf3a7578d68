import GuestScopeGuestMemory

/// What an entry of a map of kernel objects holds, where the system call does not copy it, or gives no
/// more than a number of it.
public enum MapSlot: Hashable, Sendable {
  /// The names are as in lists.
  case program(id: UInt32, name: String)
  case map(id: UInt32, name: String)
  /// `struct perf_event_attr` has the type and the configuration; the CPU is -1 for the event of a
  /// task.
  case event(type: UInt32, config: UInt64, cpu: Int32)
  /// The path is from the root of its hierarchy.
  case cgroup(id: UInt64, path: String)
  /// Nil for a socket of XDP that is not bound to a device.
  case xdpSocket(device: MapDevice?, queue: UInt16)
  case socket(MapSocket)
  /// The id of the program that runs on what is redirected to the device, or the CPU; nil for none.
  case device(MapDevice, program: UInt32?)
  case cpu(UInt32, program: UInt32?)
}

/// A network device.
public struct MapDevice: Hashable, Sendable {
  public var name: String
  /// In its network namespace.
  public var ifindex: Int32
}

/// A socket in a map.
public struct MapSocket: Hashable, Sendable {
  /// Numbers of AF_… and IPPROTO_… of include/linux/socket.h and include/uapi/linux/in.h.
  public var family: UInt16
  public var `protocol`: UInt16
  /// A number of TCP_… of include/net/tcp_states.h, which sockets of other protocols use too.
  public var state: UInt8
  /// 0 as long as the socket has none.
  public var cookie: UInt64
  /// Of a socket of IPv4 (four bytes) or IPv6 (sixteen); nil for any other family.
  public var local: End?
  public var remote: End?
  /// The `struct file` by which processes hold it, if `MapContentsQuery.wantsFiles`; nil for a socket without
  /// one, as that of a connection that nobody has accepted yet.
  public var file: KernelVirtualAddress?
  /// Of its `struct sock`.
  public var address: KernelVirtualAddress

  /// An end of a connection.
  public struct End: Hashable, Sendable {
    /// In the order in which they are written.
    public var address: [UInt8]
    public var port: UInt16
  }
}

extension MapSlot {
  /// The words of bpftool for the type and the configuration of an event; nil for a number without
  /// one, and for what is not an event.
  public var eventNames: (type: String?, config: String?) {
    guard case .event(let type, let config, _) = self else { return (nil, nil) }
    return PerfEventNames.names(type: type, config: config)
  }
}
