import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// The parts of a value that the system call does not copy: locks, timers, pointers of the kernel.
/// `check_and_init_map_value()` of include/linux/bpf.h leaves zeros there, but for a reference
/// count, which is 1.
struct HiddenFields {
  struct Field {
    /// Bytes from the start of the value.
    var offset: Int
    var size: Int
    var isRefcount = false
  }

  var fields: [Field] = []

  func hiding(_ value: [UInt8]) -> [UInt8] {
    guard !fields.isEmpty else { return value }
    var value = value
    for field in fields where field.offset >= 0 && field.offset < value.count {
      for at in field.offset..<min(field.offset + field.size, value.count) { value[at] = 0 }
      if field.isRefcount { value[field.offset] = 1 }
    }
    return value
  }
}

/// `struct bpf_map`: what says where these fields are.
private struct BPFMapFields: KernelStruct {
  static let kernelName = "bpf_map"
  /// Since 6.2 (commit db559117828d); NULL, or an error, for a value without such fields.
  let record = OptionalMember<KernelVirtualAddress>("record")
  /// Up to 6.1; negative for a value without one.
  let spinLockOff = OptionalMember<Int32>("spin_lock_off")
  /// 5.15 to 6.1.
  let timerOff = OptionalMember<Int32>("timer_off")
  /// 5.19 to 6.1.
  let kptrOffTab = OptionalMember<KernelVirtualAddress>("kptr_off_tab")
}

/// `struct btf_record` of include/linux/bpf.h; its fields follow it.
private struct BTFRecord: KernelStruct {
  static let kernelName = "btf_record"
  let cnt = Member<UInt32>("cnt")
}

private struct BTFRecordField: KernelStruct {
  static let kernelName = "btf_field"
  let offset = Member<UInt32>("offset")
  /// Since 6.7.
  let size = OptionalMember<UInt32>("size")
  /// `enum btf_field_type`.
  let type = Member<UInt32>("type")
}

/// `struct bpf_map_value_off` of 5.19 to 6.1; `off` follows it.
private struct BPFMapValueOff: KernelStruct {
  static let kernelName = "bpf_map_value_off"
  let nrOff = Member<UInt32>("nr_off")
}

private struct BPFMapValueOffDesc: KernelStruct {
  static let kernelName = "bpf_map_value_off_desc"
  let offset = Member<UInt32>("offset")
}

extension MapReader {
  /// BTF_FIELDS_MAX of include/linux/bpf.h is 11; BPF_MAP_VALUE_OFF_MAX of 6.1 is 8.
  private static let mostFields = 64

  /// None with `isRaw`.
  func hiddenFields() throws(ReadFault) -> HiddenFields {
    if query.isRaw { return HiddenFields() }
    let fields = try map.read(as: BPFMapFields.self)
    var hidden = HiddenFields()
    for (offset, name) in [(fields.spinLockOff, "bpf_spin_lock"), (fields.timerOff, "bpf_timer")] {
      guard let offset, offset >= 0 else { continue }
      hidden.fields.append(.init(offset: Int(offset), size: try walk.size(ofStruct: name)))
    }
    if let record = fields.record, record.leads { hidden.fields += try self.fields(of: record) }
    if let table = fields.kptrOffTab, table.leads { hidden.fields += try pointers(in: table) }
    return hidden
  }

  private func fields(
    of record: KernelVirtualAddress
  ) throws(ReadFault) -> [HiddenFields.Field] {
    let count = try walk.read(BTFRecord.self, at: record).cnt
    let addresses = try elements(
      record + (try walk.size(of: BTFRecord.self)), count,
      size: try walk.size(of: BTFRecordField.self))
    let names = walk.kernel.words(of: "btf_field_type", prefix: "BPF_")
    return try view.each(addresses) { address throws(ReadFault) in
      let field = try walk.read(BTFRecordField.self, at: address)
      let word = names[field.type] ?? ""
      var size = Int(field.size ?? 0)
      if field.size == nil { size = try self.size(of: word) }
      return HiddenFields.Field(
        offset: Int(field.offset), size: size, isRefcount: word == "refcount")
    }
  }

  /// `btf_field_type_size()` of include/linux/bpf.h, before fields had their size with them.
  private func size(of word: String) throws(ReadFault) -> Int {
    word.hasPrefix("kptr") ? 8 : try walk.size(ofStruct: "bpf_\(word)")
  }

  private func pointers(
    in table: KernelVirtualAddress
  ) throws(ReadFault) -> [HiddenFields.Field] {
    let count = try walk.read(BPFMapValueOff.self, at: table).nrOff
    let addresses = try elements(
      table + (try walk.size(of: BPFMapValueOff.self)), count,
      size: try walk.size(of: BPFMapValueOffDesc.self))
    return try view.each(addresses) { address throws(ReadFault) in
      let field = try walk.read(BPFMapValueOffDesc.self, at: address)
      return HiddenFields.Field(offset: Int(field.offset), size: 8)
    }
  }

  private func elements(
    _ start: KernelVirtualAddress, _ count: UInt32, size: Int
  ) throws(ReadFault) -> [KernelVirtualAddress] {
    guard count <= Self.mostFields else {
      throw .corrupt("a value with \(count) special fields", at: start)
    }
    return (0..<Int(count)).map { start + size * $0 }
  }
}

extension KernelVirtualAddress {
  /// False for NULL and for an error (IS_ERR_OR_NULL of include/linux/err.h).
  fileprivate var leads: Bool { rawValue != 0 && rawValue < UInt64.max - 4094 }
}
