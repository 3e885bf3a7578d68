import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// `struct bpf_rhtab` of kernel/bpf/hashtab.c: 7.2 has it.
private struct BPFRhtabContents: KernelStruct {
  static let kernelName = "bpf_rhtab"
  let map = Place("map")
  let ht = Place("ht")
  let elemSize = Member<UInt32>("elem_size")
}

/// `struct rhtab_elem` of kernel/bpf/hashtab.c: a key and, rounded up to eight bytes, a value.
private struct RhtabElement: KernelStruct {
  static let kernelName = "rhtab_elem"
  let node = Place("node")
  let data = Member<[UInt8]>("data")
}

extension MapReader {
  /// In no order that means anything: the table is another one whenever it has grown or shrunk.
  func resizableHash() throws(ReadFault) -> [MapEntry] {
    let hash = try map.container(\BPFRhtabContents.map)
    let hidden = try hiddenFields()
    let valueAt = Int(UInt64(keySize).rounded(to: 8))
    guard valueAt + valueSize <= Int(hash.elemSize) else {
      throw .corrupt("a hash with elements of \(hash.elemSize) bytes", at: hash.address)
    }
    return try walk.rhashtable(
      at: hash.address(of: \.ht)!, of: \RhtabElement.node, most: Int(head.maxEntries)
    ) { element throws(ReadFault) in
      let bytes = try view.bytes(at: element.address(of: \.data)!, count: valueAt + valueSize)
      return MapEntry(
        key: Array(bytes[..<keySize]), .bytes(hidden.hiding(Array(bytes[valueAt...]))))
    }
  }
}
