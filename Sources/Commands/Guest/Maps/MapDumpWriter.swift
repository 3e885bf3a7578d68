import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// Writes what is in maps while they are read.
struct MapDumpWriter {
  private let stream: any AnswerStream
  private let session: Session
  /// Nil shows bytes.
  private let formatter: ValueFormatter?
  /// Keys that are wanted, by the id of their map, and which of their entries.
  private let patterns: [UInt64: KeyPattern]
  private let window: EntryWindow
  private let additions: Additions

  /// What is asked for beside the entries.
  struct Additions {
    /// What pointers in values lead to.
    var namesPointers = false
    /// Which processes hold sockets.
    var namesHolders = false
  }

  /// - Throws: when a map has no such keys.
  init(
    _ stream: any AnswerStream, _ session: Session, _ formatter: ValueFormatter?,
    key: (KeyExpression, EntryWindow)?, maps: [MapContents], _ additions: Additions
  ) throws {
    self.additions = additions
    (self.stream, self.session, self.formatter) = (stream, session, formatter)
    window = key?.1 ?? EntryWindow()
    patterns =
      try key.map { expression, _ in
        try Dictionary(
          maps.map { ($0.map.id, try KeyPattern(expression, of: KeysOfMap($0))) },
          uniquingKeysWith: { first, _ in first })
      } ?? [:]
  }

  /// One map is the array of its entries; of several each has its own.
  func write(_ parts: inout MapParts) throws {
    let maps = parts.maps
    guard maps.count != 1 else { return try stream.array { try write(maps[0], &parts) } }
    try stream.array {
      for map in maps {
        try stream.lines([map.map.header])
        guard map.refusal == nil else {
          try stream.elements([.object(map.map.members + [.init(key: "elements", value: .null)])])
          try stream.lines(map.refusal.map { ["(\($0.text))"] } ?? [])
          continue
        }
        try stream.object(map.map.members, array: "elements") { try write(map, &parts) }
      }
    }
  }

  private func write(_ map: MapContents, _ parts: inout MapParts) throws {
    let isBloom = map.map.typeName == "bloom_filter"
    var (found, shown, missing) = (0, 0, [String]())
    var canName = true
    try parts.forEachPart(of: map) { part in
      var part = part
      if let pattern = patterns[map.map.id] {
        let matching = part.entries.filter { pattern.matches($0.key ?? []) }
        part.entries = window.dropping(found).entries(of: matching)
        found += matching.count
      }
      shown += part.entries.count
      var form = MapEntryForm(formatter: formatter)
      // What is written already stays an answer, whatever happens now.
      if canName {
        do {
          form = try session.form(of: part, formatter, namesPointers: additions.namesPointers)
          if additions.namesHolders {
            let holders = try session.holders(ofSocketsIn: part)
            form.holders = holders.value
            missing += holders.missing
          }
        } catch let error as any GuestFailure {
          canName = false
          missing.append("the names of what map \(map.map.id) leads to: \(error)")
        }
      }
      try stream.elements(part.entries.map { form.json($0, of: part) })
      try stream.lines(part.entries.flatMap { isBloom ? $0.lines : form.lines($0, of: part) })
      return found < window.end
    }
    parts.add(missing: missing)
    // It has no entries, but a level that it is filled to.
    if !isBloom { try stream.lines(["Found " + counted(shown, "element")]) }
  }
}

extension Session {
  fileprivate func holders(
    ofSocketsIn map: MapContents
  ) throws -> (value: [KernelVirtualAddress: [FileHolder]], missing: [String]) {
    var files: [KernelVirtualAddress: KernelVirtualAddress] = [:]
    for entry in map.entries {
      if case .socket(let socket)? = entry.slot, let file = socket.file {
        files[file] = socket.address
      }
    }
    guard !files.isEmpty else { return ([:], []) }
    let snapshot = try ofThisBoot { try bpf(of: $0).holders(of: files) }
    return (snapshot.value, snapshot.missing)
  }
}

extension MapHead {
  /// What stands before the entries of one of several maps.
  fileprivate var members: [JSON.Member] {
    [
      .init(key: "id", value: .unsigned(id)),
      .init(key: "type", value: JSON(named: typeName, type)),
      .init(key: "name", value: .string(name)), .init(key: "flags", value: JSON(flags)),
    ]
  }

  fileprivate var header: String {
    "\(id): \(typeName ?? "type \(type)")" + (name.isEmpty ? "" : "  name \(name)")
      + "  flags 0x" + String(flags, radix: 16)
  }
}
