import GuestScopeKernelBPF

extension MapEntry {
  /// With the keys of `bpftool -j map dump`, and of its own kind where bpftool cannot list: queues,
  /// stacks and ring buffers.
  func json(_ formatted: JSON? = nil) -> JSON {
    var members = key.map { [JSON.Member(key: "key", value: JSON(bytes: $0))] } ?? []
    func add(_ key: String, _ value: JSON) { members.append(.init(key: key, value: value)) }
    switch value {
    case .bytes(let bytes): add("value", JSON(bytes: bytes))
    case .perCPU(let values):
      add(
        "values",
        .array(
          values.enumerated().map { cpu, bytes -> JSON in
            ["cpu": JSON(cpu), "value": JSON(bytes: bytes)]
          }))
    case .program(let id): add("value", JSON(bytes: id.littleEndianBytes))
    case .map(let id):
      add("value", JSON(bytes: id.littleEndianBytes))
      add("inner_map_id", JSON(id))
    case .error(let number): add("value", ["error": .string(errorText(number))])
    case .queued(let index, let bytes):
      add("index", JSON(index))
      add("value", JSON(bytes: bytes))
    case .record(let record):
      add("offset", .unsigned(record.offset))
      add("len", JSON(record.length))
      add("busy", .bool(record.isBusy))
      add("discarded", .bool(record.isDiscarded))
      add("data", JSON(bytes: record.data))
    case .bloom(let fill):
      add("bits", .unsigned(fill.bits))
      add("set", .unsigned(fill.set))
      add("hashes", JSON(fill.hashes))
      add("estimate", JSON(fill.estimate))
    case .page(let page):
      add("page", JSON(page.index))
      add("address", .unsigned(page.address))
      add("data", JSON(bytes: page.data))
    case .owned(let owner, let bytes):
      add("owner", owner.json)
      add("value", JSON(bytes: bytes))
    }
    if let formatted { add("formatted", formatted) }
    if let slot { add("slot", slot.json) }
    return .object(members)
  }
}

extension MapEntry.Owner {
  var json: JSON {
    switch self {
    case .task(let pid, let comm): ["pid": JSON(pid), "comm": .string(comm)]
    case .inode(let number, let fileSystem, let path):
      ["inode": .unsigned(number), "file_system": .string(fileSystem), "path": JSON(path)]
    case .socket(let family, let cookie):
      ["family": JSON(family), "cookie": cookie == 0 ? .null : .unsigned(cookie)]
    case .cgroup(let id, let path): ["cgroup_id": .unsigned(id), "path": .string(path)]
    }
  }

  var text: String {
    switch self {
    case .task(let pid, let comm): "\(comm) (pid \(pid))"
    case .inode(let number, let fileSystem, let path):
      "inode \(number) of \(fileSystem)" + (path.map { " (\($0))" } ?? "")
    case .socket(let family, let cookie):
      "socket of family \(family)" + (cookie == 0 ? "" : ", cookie \(cookie)")
    case .cgroup(let id, let path): "cgroup \(id) \(path)"
    }
  }
}

extension JSON {
  private static let allBytes = (0...255).map { JSON.string("0x" + UInt64($0).paddedHex(2)) }

  /// Bytes as bpftool has them: `["0x01","0x00"]`.
  init(bytes: [UInt8]) { self = .array(bytes.map { Self.allBytes[Int($0)] }) }
}
