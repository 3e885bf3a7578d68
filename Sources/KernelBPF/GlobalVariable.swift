import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// A global variable of a BPF program: a part of the only value of a map.
public struct GlobalVariable: Sendable {
  public var mapID: UInt64
  /// At most 15 characters: what the loader made of the name of the object and of the section.
  public var mapName: String
  /// `.bss`, `.data`, `.rodata`, `.kconfig` or `.data.…`.
  public var section: String
  public var name: String
  /// The types of the program, and in them that of the variable.
  public var btf: BTF
  public var type: BTF.TypeID
  /// Bytes.
  public var size: Int
  public var address: KernelVirtualAddress
}

/// `struct bpf_map`, of which only the type of a value counts that is the program's own.
private struct BPFMapOwnType: KernelStruct {
  static let kernelName = "bpf_map"
  let valueType = Member<UInt32>("btf_value_type_id")
}

/// `struct bpf_array`, of which only the place of the values counts.
private struct BPFArrayValues: KernelStruct {
  static let kernelName = "bpf_array"
  let map = Place("map")
  let value = Member<[UInt8]>("value")
}

extension KernelObject<BPFMapStruct> {
  /// The variables in the map's value; none where its value is not a section.
  func globals() throws(ReadFault) -> [GlobalVariable] {
    // libbpf makes a section a map of one entry.
    guard self.maxEntries == 1 else { return [] }
    let (own, btf) = try view.together(read(as: BPFMapOwnType.self), self.btf)
    guard own.valueType != 0, let btf else { return [] }
    let (types, section) = (try btf.types(), BTF.TypeID(own.valueType))
    guard case .datasec(_, let variables)? = try? types.type(section),
      let start = try container(\BPFArrayValues.map).address(of: \.value)
    else { return [] }
    let sectionName = (try? types.name(of: section)) ?? ""
    // A damaged section would lead beyond the map.
    return variables.filter { $0.offset + $0.size <= Int(self.valueSize) }.map { variable in
      GlobalVariable(
        mapID: UInt64(self.id), mapName: self.name, section: sectionName,
        name: (try? types.name(of: variable.type)) ?? "", btf: types, type: variable.type,
        size: variable.size, address: start + variable.offset)
    }
  }
}
