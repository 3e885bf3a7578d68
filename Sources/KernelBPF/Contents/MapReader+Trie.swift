import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct lpm_trie` of kernel/bpf/lpm_trie.c.
private struct LPMTrieContents: KernelStruct {
  static let kernelName = "lpm_trie"
  let map = Place("map")
  let root = Member<KernelVirtualAddress>("root")
  let maxPrefixlen = Member<UInt64>("max_prefixlen")
  let dataSize = Member<UInt64>("data_size")
}

/// `struct lpm_trie_node`. Its data are the rest of the key and, not rounded, the value.
private struct LPMTrieNode: KernelStruct {
  static let kernelName = "lpm_trie_node"
  /// Two pointers.
  let child = Member<[UInt64]>("child", size: 16)
  let prefixlen = Member<UInt32>("prefixlen")
  let flags = Member<UInt32>("flags")
  let data = Member<[UInt8]>("data")
}

/// A node that was read.
private struct TrieNode {
  /// Nil for a node that only joins others.
  var entry: MapEntry?
  var prefixLength: UInt32
  var children: [KernelVirtualAddress]
}

extension MapReader {
  /// Children first, in the order of `trie_get_next_key()`.
  ///
  /// All nodes of a level are read together: a wave a level. A prefix is longer than that of the
  /// node above, so that no damage makes the walk endless.
  func trie() throws(ReadFault) -> [MapEntry] {
    let trie = try map.container(\LPMTrieContents.map)
    guard trie.dataSize <= 256, trie.maxPrefixlen == trie.dataSize * 8,
      keySize == 4 + Int(trie.dataSize)
    else { throw .corrupt("a trie of keys of \(trie.dataSize) bytes", at: trie.address) }
    // Each entry has at most one node above that only joins.
    let most = 2 * Int(head.maxEntries) + 1
    var nodes: [KernelVirtualAddress: TrieNode] = [:]
    var level = [(address: trie.root, least: UInt32(0))].filter { $0.address.rawValue != 0 }
    let root = trie.root
    while !level.isEmpty, nodes.count < most {
      var next: [(address: KernelVirtualAddress, least: UInt32)] = []
      for (address, least) in level where nodes[address] == nil {
        let key = ObjectKey("trie node", id: UInt64(nodes.count), at: address)
        let node = try view.object(key) { () throws(ReadFault) in
          try self.node(at: address, dataSize: Int(trie.dataSize), longerThan: least)
        }
        guard let node else { continue }
        nodes[address] = node
        next += node.children.filter { $0.rawValue != 0 }.map { ($0, node.prefixLength + 1) }
      }
      level = next
    }
    if let next = level.first {
      try view.countCut("trie node", after: nodes.count, at: next.address)
    }
    return Self.postorder(from: root, nodes)
  }

  private func node(
    at address: KernelVirtualAddress, dataSize: Int, longerThan least: UInt32
  ) throws(ReadFault) -> TrieNode {
    let (node, data) = try view.together(
      walk.read(LPMTrieNode.self, at: address),
      view.bytes(
        at: address + (try walk.offset(of: \LPMTrieNode.data) ?? 0), count: dataSize + valueSize))
    guard node.prefixlen >= least, node.prefixlen <= UInt32(8 * dataSize) else {
      throw .corrupt("a prefix of \(node.prefixlen) bits", at: address)
    }
    // LPM_TREE_NODE_FLAG_IM
    let isIntermediate = node.flags & 1 != 0
    let entry = MapEntry(
      key: node.prefixlen.littleEndianBytes + data[..<dataSize],
      .bytes(Array(data[dataSize...])))
    return TrieNode(
      entry: isIntermediate ? nil : entry, prefixLength: node.prefixlen,
      children: node.child.map { KernelVirtualAddress($0) })
  }

  private static func postorder(
    from root: KernelVirtualAddress, _ nodes: [KernelVirtualAddress: TrieNode]
  ) -> [MapEntry] {
    var reversed: [MapEntry] = []
    var seen: Set<KernelVirtualAddress> = []
    var stack = [root]
    while let address = stack.popLast() {
      guard let node = nodes[address], seen.insert(address).inserted else { continue }
      if let entry = node.entry { reversed.append(entry) }
      stack += node.children
    }
    return reversed.reversed()
  }
}
