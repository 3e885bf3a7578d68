import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_stab` of net/core/sock_map.c: a sockmap.
private struct BPFSockMapContents: KernelStruct {
  static let kernelName = "bpf_stab"
  let map = Place("map")
  /// Pointers.
  let sks = Member<KernelVirtualAddress>("sks")
}

/// `struct bpf_shtab` of net/core/sock_map.c: a sockhash.
private struct BPFSockHashContents: KernelStruct {
  static let kernelName = "bpf_shtab"
  let map = Place("map")
  let buckets = Member<KernelVirtualAddress>("buckets")
  let bucketsNum = Member<UInt32>("buckets_num")
}

private struct BPFSockHashBucket: KernelStruct {
  static let kernelName = "bpf_shtab_bucket"
  let first = Member<KernelVirtualAddress>("head.first")
}

private struct BPFSockHashElement: KernelStruct {
  static let kernelName = "bpf_shtab_elem"
  let node = Place("node")
  let sk = Member<KernelVirtualAddress>("sk")
  let key = Member<[UInt8]>("key")
}

/// `struct reuseport_array` of kernel/bpf/reuseport_array.c.
private struct ReuseportArrayContents: KernelStruct {
  static let kernelName = "reuseport_array"
  let map = Place("map")
  /// Pointers.
  let ptrs = Member<[UInt64]>("ptrs")
}

/// A socket is looked up as its cookie, which only fits into values of eight bytes. A cookie of 0 is
/// none yet: the system call makes one, which reading memory does not.
extension MapReader {
  private var cookiesFit: Bool { valueSize == 8 }

  /// Each index, as `sock_map_lookup_sys()` answers it.
  func sockMap() throws(ReadFault) -> [MapEntry] {
    try sockets(at: try map.container(\BPFSockMapContents.map).sks)
  }

  /// Each index, as `bpf_fd_reuseport_array_lookup_elem()` answers it.
  func reuseportArray() throws(ReadFault) -> [MapEntry] {
    let array = try map.container(\ReuseportArrayContents.map)
    return try sockets(at: array.address(of: \.ptrs)!)
  }

  private func sockets(at array: KernelVirtualAddress) throws(ReadFault) -> [MapEntry] {
    try pointers("socket", at: array, count: Int(head.maxEntries)) {
      index, socket throws(ReadFault) in
      guard socket.rawValue != 0 else {
        let error = cookiesFit ? MapEntry.Errno.noEntry : MapEntry.Errno.noSpace
        return MapEntry(index: index, .error(error))
      }
      let (value, slot) = try cookie(of: socket)
      return MapEntry(index: index, value, slot: slot)
    }
  }

  /// The sockets that are there, in the order of `sock_hash_get_next_key()`: by bucket.
  func sockHash() throws(ReadFault) -> [MapEntry] {
    let hash = try map.container(\BPFSockHashContents.map)
    let stride = try walk.size(of: BPFSockHashBucket.self)
    try admit(Int(hash.bucketsNum), of: stride)
    let first = try walk.offset(of: \BPFSockHashBucket.first) ?? 0
    let buckets = HashBuckets(
      at: hash.buckets + first, count: Int(hash.bucketsNum), stride: stride)
    return try walk.hlists(
      in: buckets, of: \BPFSockHashElement.node, most: Int(head.maxEntries)
    ) { element throws(ReadFault) in
      let key = try view.bytes(at: element.address(of: \.key)!, count: keySize)
      let (value, slot) = try cookie(of: element.sk)
      return MapEntry(key: key, value, slot: slot)
    }
  }

  private func cookie(
    of address: KernelVirtualAddress
  ) throws(ReadFault) -> (MapEntry.Value, MapSlot) {
    let (sock, file) = try view.together(
      walk.read(Sock.self, at: address),
      query.wantsFiles ? walk.read(SockOfUser.self, at: address).socket?.file : nil)
    var socket = MapSocket(sock)
    socket.file = file?.rawValue == 0 ? nil : file
    return (
      cookiesFit ? .bytes(socket.cookie.littleEndianBytes) : .error(MapEntry.Errno.noSpace),
      .socket(socket)
    )
  }
}
