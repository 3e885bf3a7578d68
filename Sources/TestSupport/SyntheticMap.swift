import GuestScopeBytes
import GuestScopeGuestMemory

/// A BPF map of a synthetic guest, as the guest means it.
public struct SyntheticMap {
  public var id: UInt64
  public var type: UInt32 = 1
  public var name: String
  public var flags: UInt32 = 0
  public var keySize: UInt32 = 4
  public var valueSize: UInt32 = 8
  public var maxEntries: UInt32 = 100
  public var isFrozen = false
  public var btfID: UInt32?
  /// Type and `jited` of the programs that a prog_array takes.
  public var owner: (type: UInt32, jited: Bool)?
  /// What a kernel up to 5.10 charged.
  public var pages: UInt32 = 3

  public init(id: UInt64, name: String) { (self.id, self.name) = (id, name) }
}

extension SyntheticGuest {
  /// Lays a map out in the direct map; `writeIDR` links it.
  @discardableResult
  public func add(_ map: SyntheticMap) -> PhysicalAddress {
    let place = ram.allocate(320)
    maps[map.id] = direct(place)
    func write<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, _ member: String) {
      guard types.has("bpf_map.\(member)") else { return }
      ram.write(value, at: place + types["bpf_map.\(member)"])
    }
    write(map.type, "map_type")
    write(map.keySize, "key_size")
    write(map.valueSize, "value_size")
    write(map.maxEntries, "max_entries")
    write(map.flags, "map_flags")
    write(UInt32(map.id), "id")
    write(map.isFrozen ? 1 : 0 as UInt8, "frozen")
    write(map.pages, "memory")
    ram.write(Array(map.name.utf8), at: place + types["bpf_map.name"])
    if let btfID = map.btfID {
      let btf = ram.allocate(128)
      ram.write(btfID, at: btf + types["btf.id"])
      write(direct(btf), "btf")
    }
    if let owner = map.owner {
      var at = place
      if types.has("bpf_map.owner") {
        at = at + types["bpf_map.owner"]
      } else {
        let aux = ram.allocate(32)
        ram.write(direct(aux), at: place + types["bpf_array.aux"])
        at = aux + types["bpf_array_aux.owner"]
      }
      ram.write(owner.type, at: at + types["bpf_map_owner.type"])
      ram.write(owner.jited ? 1 : 0 as UInt8, at: at + types["bpf_map_owner.jited"])
    }
    return place
  }
}
