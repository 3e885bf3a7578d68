import ArgumentParser
import GuestScopeKernelBPF

/// `map`: everything about BPF maps.
struct MapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "map", abstract: "BPF maps: list.", subcommands: [MapList.self],
    defaultSubcommand: MapList.self)
}

/// `map list`: all BPF maps, with the members of `bpftool -j map show`.
struct MapList: SelectingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All BPF maps, or those of ids, names or types.",
    usage: "guestscope map list \(SelectionArguments.usage)",
    discussion: """
      bytes_memlock is what the kernel would report in fdinfo; since Linux 6.4 it depends on the \
      type of the map, and is null for those whose rule guestscope does not know: storages, \
      stack_trace, bloom_filter, arena, rhash, and those of devices, CPUs and sockets.
      """,
    aliases: ["show"])

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.map

  func answer(in session: Session) throws -> Answer {
    let selection = try selection
    let maps = try session.maps
    let types = try selection.typeNumbers(in: maps.types.names)
    let snapshot = try session.listMaps(id: selection.onlyID, type: types?.only)
    let listed = selection.matching(snapshot.value, types: types)
    try selection.admit(listed, unreadable: snapshot.unreadable)
    let isEmpty = listed.isEmpty && snapshot.unreadable.isEmpty
    return Answer(
      .array(listed.map { json($0, maps) }), .table(table(listed, maps)),
      missing: snapshot.missing(of: "map"), remarks: isEmpty ? ["the guest has no BPF maps"] : [])
  }

  private func json(_ map: BPFMap, _ maps: BPFMaps) -> JSON {
    let type = maps.types[map.type]
    let json: JSON = [
      "id": .unsigned(map.id),
      "type": type.map { .string($0) } ?? JSON(map.type),
      "name": .string(map.name),
      "flags": JSON(map.flags),
      "bytes_key": JSON(map.keySize),
      "bytes_value": JSON(map.valueSize),
      "max_entries": JSON(map.maxEntries),
      "bytes_memlock": JSON(map.memlock),
      "frozen": JSON(map.isFrozen.map { $0 ? 1 : 0 }),
      "btf_id": JSON(map.btfID),
    ]
    guard type == "prog_array" else { return json }
    let owner = map.owner.map { maps.programTypes[$0.type].map { .string($0) } ?? JSON($0.type) }
    return json.adding([
      "owner_prog_type": owner ?? .null,
      "owner_jited": JSON(map.owner?.isJited),
    ])
  }

  private func table(_ listed: [BPFMap], _ maps: BPFMaps) -> Table {
    func text(_ number: (some BinaryInteger)?) -> String { number.map { "\($0)" } ?? "-" }
    return Table(
      [
        .number("ID"), .text("TYPE"), .text("NAME"), .text("FLAGS"), .number("KEY"),
        .number("VALUE"), .number("MAX_ENTRIES"), .number("MEMLOCK"), .text("FROZEN"),
        .number("BTF"),
      ],
      rows: listed.map { map in
        [
          text(map.id), maps.types[map.type] ?? "type \(map.type)", map.name,
          "0x" + String(map.flags, radix: 16), text(map.keySize), text(map.valueSize),
          text(map.maxEntries), text(map.memlock), map.isFrozen.map { $0 ? "yes" : "no" } ?? "-",
          text(map.btfID),
        ]
      })
  }
}
