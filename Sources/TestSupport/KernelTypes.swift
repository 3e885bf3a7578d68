import GuestScopeBTF

/// The structs of a synthetic kernel: as BTF for the code under test, and as plain offsets for the
/// builders, so that neither believes the other.
public struct KernelTypes {
  /// Which kernel the structs are like.
  public enum Version: Sendable, CaseIterable {
    /// 5.10: statistics hang on `bpf_prog_aux`; no `misses`, no `verified_insns`.
    case linux5
    /// 6.1.
    case linux6
  }

  public enum Member: Sendable {
    case u8, u16, u32, u64, pointer
    case bytes(Int)
    case pointers(Int)
    /// Numbers of 8 bytes.
    case words(Int)
    case structure(String)
    case structures(String, Int)
    case pointerTo(String)
    /// One bit of the 16-bit word at the offset.
    case bit(Int)
    /// Bits of it.
    case bits(Int, count: Int)
  }

  public private(set) var offsets: [String: Int] = [:]
  private var builder = BTFBuilder()
  private var ids: [String: UInt32] = [:]
  private var count: UInt32 = 0

  public init() {
    for (name, size) in [("u8", 1), ("u16", 2), ("u32", 4), ("u64", 8)] as [(String, UInt32)] {
      builder.int(name, size: size)
      add(name)
    }
    builder.add(.ptr, "", 0)
    add("pointer")
  }

  public var blob: [UInt8] { builder.blob }

  /// The offset of `struct.member`.
  public subscript(path: String) -> Int {
    guard let offset = offsets[path] else { preconditionFailure("no member \(path)") }
    return offset
  }

  public func has(_ path: String) -> Bool { offsets[path] != nil }

  @discardableResult
  private mutating func add(_ name: String) -> UInt32 {
    count += 1
    ids[name] = count
    return count
  }

  public mutating func declare(
    _ name: String, size: Int, _ members: [(name: String, offset: Int, type: Member)]
  ) {
    var rows: [(name: String, type: UInt32, place: UInt32)] = []
    // As a compiler lays them out; members of the same offset are bits of a word.
    for member in members.sorted(by: { $0.offset < $1.offset }) {
      offsets["\(name).\(member.name)"] = member.offset
      var place = UInt32(8 * member.offset)
      switch member.type {
      case .bit(let bit): place = 1 << 24 | (place + UInt32(bit))
      case .bits(let bit, let count): place = UInt32(count) << 24 | (place + UInt32(bit))
      default: break
      }
      rows.append((member.name, id(of: member.type), place))
    }
    builder.composite(.struct, name, size: UInt32(size), flag: true, rows)
    add(name)
  }

  public mutating func declare(enum name: String, _ enumerators: KeyValuePairs<String, UInt32>) {
    let words = enumerators.flatMap { [builder.string($0.key), $0.value] }
    builder.add(.enum, name, count: enumerators.count, 4, words)
    add(name)
  }

  private mutating func id(of member: Member) -> UInt32 {
    switch member {
    case .u8: return ids["u8"]!
    case .u16, .bit, .bits: return ids["u16"]!
    case .u32: return ids["u32"]!
    case .u64: return ids["u64"]!
    case .pointer: return ids["pointer"]!
    case .structure(let name): return ids[name]!
    case .structures(let name, let length): return array(name, length)
    case .pointerTo(let name):
      if let id = ids["\(name) *"] { return id }
      builder.add(.ptr, "", ids[name]!)
      return add("\(name) *")
    case .bytes(let length): return array("u8", length)
    case .pointers(let length): return array("pointer", length)
    case .words(let length): return array("u64", length)
    }
  }

  private mutating func array(_ element: String, _ length: Int) -> UInt32 {
    if let id = ids["\(element)[\(length)]"] { return id }
    builder.add(.array, "", 0, [ids[element]!, ids["u32"]!, UInt32(length)])
    return add("\(element)[\(length)]")
  }
}

extension KernelTypes {
  /// What a kernel of this version has, less the members that a test leaves out.
  public static func kernel(_ version: Version, without: Set<String> = []) -> KernelTypes {
    var types = KernelTypes()
    func declare(_ name: String, _ size: Int, _ members: [(String, Int, Member)]) {
      types.declare(
        name, size: size,
        members.filter { !without.contains("\(name).\($0.0)") }
          .map { (name: $0.0, offset: $0.1, type: $0.2) })
    }
    let isOld = version == .linux5
    declare("xarray", 16, [("xa_flags", 4, .u32), ("xa_head", 8, .pointer)])
    declare(
      "idr", 24,
      [("idr_rt", 0, .structure("xarray")), ("idr_base", 16, .u32), ("idr_next", 20, .u32)])
    declare(
      "xa_node", 576,
      [("shift", 0, .u8), ("offset", 1, .u8), ("count", 2, .u8), ("slots", 40, .pointers(64))])
    declare("bpf_insn", 8, [("code", 0, .u8)])
    declare("bpf_func_info", 8, [("insn_off", 0, .u32), ("type_id", 4, .u32)])
    declare(
      "bpf_line_info", 16,
      [
        ("insn_off", 0, .u32), ("file_name_off", 4, .u32), ("line_off", 8, .u32),
        ("line_col", 12, .u32),
      ])
    declare(
      "bpf_prog", 72,
      [
        ("pages", 0, .u16), ("jited", 2, .bit(0)), ("gpl_compatible", 2, .bit(2)),
        ("blinded", 2, .bit(6)), ("bpf_func", 40, .pointer),
        ("insnsi", 72, .structures("bpf_insn", 0)),
        ("type", 4, .u32), ("len", 12, .u32), ("jited_len", 16, .u32), ("tag", 20, .bytes(8)),
      ] + (isOld ? [("aux", 32, .pointer)] : [("stats", 32, .pointer), ("aux", 56, .pointer)]))
    declare(
      "bpf_prog_aux", 512,
      [
        ("used_map_cnt", 8, .u32), ("func_cnt", 20, .u32), ("id", 28, .u32),
        ("func_info_cnt", 36, .u32), ("nr_linfo", 40, .u32),
        ("func_info", 80, .pointerTo("bpf_func_info")),
        ("linfo", 88, .pointerTo("bpf_line_info")), ("jited_linfo", 96, .pointer),
        ("func", 72, .pointerTo("pointer")), ("prog", 120, .pointer), ("user", 128, .pointer),
        ("load_time", 136, .u64), ("used_maps", 160, .pointerTo("pointer")),
        ("name", 176, .bytes(16)),
        ("btf", 208, .pointer),
      ] + (isOld ? [("stats", 216, .pointer)] : [("verified_insns", 32, .u32)]))
    declare(
      "bpf_prog_stats", 32,
      [("cnt", 0, .u64), ("nsecs", 8, .u64)] + (isOld ? [] : [("misses", 16, .u64)]))
    declare("static_key", 16, [("enabled", 0, .u32)])
    declare("static_key_false", 16, [("key", 0, .structure("static_key"))])
    declare("user_struct", 64, [("uid", 16, .u32)])
    declare("btf", 128, [("data", 0, .pointer), ("data_size", 8, .u32), ("id", 96, .u32)])
    declare("bpf_map_ops", 8, [("map_alloc", 0, .pointer)])
    declare("bpf_map_owner", 12, [("type", 4, .u32), ("jited", 8, .u8)])
    declare("bpf_map_memory", 16, [("pages", 0, .u32)])
    declare(
      "bpf_map", 256,
      [
        ("map_type", 24, .u32), ("key_size", 28, .u32), ("value_size", 32, .u32),
        ("max_entries", 36, .u32), ("btf_value_type_id", 40, .u32), ("map_flags", 48, .u32),
        ("id", 60, .u32),
        ("btf", 72, .pointer), ("name", 80, .bytes(16)), ("frozen", 130, .u8),
      ]
        + (isOld
          ? [("memory", 104, .structure("bpf_map_memory"))]
          : [("owner", 104, .structure("bpf_map_owner"))]))
    declare("bpf_array_aux", 32, [("owner", 8, .structure("bpf_map_owner"))])
    declare(
      "bpf_array", 320,
      [("map", 0, .structure("bpf_map")), ("elem_size", 256, .u32), ("aux", 264, .pointer)])
    declare("timekeeper", 64, [("offs_real", 24, .u64), ("offs_boot", 32, .u64)])
    declare("tk_data", 80, [("timekeeper", 16, .structure("timekeeper"))])
    types.declare(
      enum: "bpf_map_type",
      [
        "BPF_MAP_TYPE_UNSPEC": 0, "BPF_MAP_TYPE_HASH": 1, "BPF_MAP_TYPE_ARRAY": 2,
        "BPF_MAP_TYPE_PROG_ARRAY": 3, "BPF_MAP_TYPE_PERF_EVENT_ARRAY": 4,
        "BPF_MAP_TYPE_PERCPU_HASH": 5,
        "BPF_MAP_TYPE_PERCPU_ARRAY": 6, "BPF_MAP_TYPE_STACK_TRACE": 7, "BPF_MAP_TYPE_LPM_TRIE": 11,
        "BPF_MAP_TYPE_BLOOM_FILTER": 30, "BPF_MAP_TYPE_QUEUE": 22, "BPF_MAP_TYPE_STACK": 23,
        "BPF_MAP_TYPE_RINGBUF": 27, "BPF_MAP_TYPE_CGROUP_STORAGE_DEPRECATED": 19,
        "BPF_MAP_TYPE_CGROUP_STORAGE": 19, "__MAX_BPF_MAP_TYPE": 20,
      ])
    types.declare(
      enum: "bpf_prog_type",
      [
        "BPF_PROG_TYPE_UNSPEC": 0, "BPF_PROG_TYPE_SOCKET_FILTER": 1, "BPF_PROG_TYPE_KPROBE": 2,
        "BPF_PROG_TYPE_STRUCT_OPS": 27,
      ])
    return types
  }
}
