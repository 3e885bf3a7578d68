import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct sock` of include/net/sock.h.
struct Sock: KernelStruct {
  static let kernelName = "sock"
  let family = Member<UInt16>("__sk_common.skc_family")
  let state = Member<UInt8>("__sk_common.skc_state")
  let cookie = Member<UInt64>("__sk_common.skc_cookie.counter")
  let `protocol` = Member<UInt16>("sk_protocol")
  /// The own port, and that of the other end with its high byte first.
  let num = Member<UInt16>("__sk_common.skc_num")
  let dport = Member<UInt16>("__sk_common.skc_dport")
  /// Addresses have their first byte first.
  let rcvSaddr = Member<UInt32>("__sk_common.skc_rcv_saddr")
  let daddr = Member<UInt32>("__sk_common.skc_daddr")
  /// Not with CONFIG_IPV6=n.
  let v6RcvSaddr = OptionalMember<[UInt8]>("__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8", size: 16)
  let v6Daddr = OptionalMember<[UInt8]>("__sk_common.skc_v6_daddr.in6_u.u6_addr8", size: 16)
}

/// The same `struct sock`: what user space has of it.
struct SockOfUser: KernelStruct {
  static let kernelName = "sock"
  /// NULL for one without a descriptor.
  let socket = OptionalLink<SocketOfUser>("sk_socket")
}

/// `struct socket` of include/linux/net.h.
struct SocketOfUser: KernelStruct {
  static let kernelName = "socket"
  let sk = Member<KernelVirtualAddress>("sk")
  let file = Member<KernelVirtualAddress>("file")
}

extension MapSocket {
  init(_ sock: KernelObject<Sock>) {
    (family, state, cookie, `protocol`) = (sock.family, sock.state, sock.cookie, sock.protocol)
    address = sock.address
    func ends(_ own: [UInt8], _ other: [UInt8]) {
      local = End(address: own, port: sock.num)
      remote = End(address: other, port: sock.dport.byteSwapped)
    }
    switch family {
    // AF_INET and AF_INET6
    case 2: ends(sock.rcvSaddr.littleEndianBytes, sock.daddr.littleEndianBytes)
    case 10:
      if let own = sock.v6RcvSaddr, let other = sock.v6Daddr { ends(own, other) }
    default: break
    }
    if remote?.port == 0 { remote = nil }
  }
}
