import GuestScopeLinuxKernel

/// The places of a cgroup that programs are attached to: what the indexes of its arrays mean.
struct CgroupPlaces: Sendable {
  /// By index, the words of bpftool: `cgroup_inet_ingress`. Hooks of the LSM share one.
  let words: [String]
  /// The indexes in the order in which bpftool lists them.
  let order: [Int]

  /// - Parameter count: elements of the arrays.
  init(_ kernel: GuestKernel, count: Int) {
    // 6.1 has numbers of their own, 5.10 has not; they have moved with new types since.
    let own = kernel.words(of: "cgroup_bpf_attach_type", prefix: "CGROUP_")
    // Hooks of the LSM take the indexes from here on; 5.10 has none.
    let firstHook =
      kernel.enumerator(named: "CGROUP_LSM_START").flatMap { Int(exactly: $0) }
      ?? .max
    let words = (0..<count).map { index in
      if index >= firstHook { return "lsm_cgroup" }
      let number = UInt32(index)
      let word =
        own.names.isEmpty ? kernel.attachTypes[number] : own[number].map { "cgroup_" + $0 }
      return word ?? "\(index)"
    }
    self.words = words
    let ranks = Dictionary(
      uniqueKeysWithValues: Self.listed.enumerated().map { ($0.element, $0.offset) })
    func rank(_ index: Int) -> Int { ranks[words[index]] ?? Self.listed.count }
    order = words.indices.sorted { (rank($0), $0) < (rank($1), $1) }
  }

  /// `cgroup_attach_types` of tools/bpf/bpftool/cgroup.c.
  private static let listed = [
    "cgroup_inet_ingress", "cgroup_inet_egress", "cgroup_inet_sock_create",
    "cgroup_inet_sock_release", "cgroup_inet4_bind", "cgroup_inet6_bind",
    "cgroup_inet4_post_bind", "cgroup_inet6_post_bind", "cgroup_inet4_connect",
    "cgroup_inet6_connect", "cgroup_unix_connect", "cgroup_inet4_getpeername",
    "cgroup_inet6_getpeername", "cgroup_unix_getpeername", "cgroup_inet4_getsockname",
    "cgroup_inet6_getsockname", "cgroup_unix_getsockname", "cgroup_udp4_sendmsg",
    "cgroup_udp6_sendmsg", "cgroup_unix_sendmsg", "cgroup_udp4_recvmsg", "cgroup_udp6_recvmsg",
    "cgroup_unix_recvmsg", "cgroup_sock_ops", "cgroup_device", "cgroup_sysctl",
    "cgroup_getsockopt", "cgroup_setsockopt", "lsm_cgroup",
  ]
}
