import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `map`: everything about BPF maps.
struct MapCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "map", abstract: "BPF maps: list, dump, lookup.",
    subcommands: [MapList.self, MapDump.self, MapLookup.self], defaultSubcommand: MapList.self)
}

/// `map list`: all BPF maps, with the keys of `bpftool -j map show`.
struct MapList: ListCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "All BPF maps, or those selected by id, name or type.",
    usage: "guestscope map list \(SelectionArguments.usage)",
    discussion: """
      MEMLOCK is what the kernel counts as the map's memory, in bytes: elements of storages, and \
      of some other maps, are not in it.
      """,
    aliases: ["show"])

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var order: OrderOptions
  @OptionGroup var table: ColumnOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.map

  static let fields: [Field<BPFMap>] = [
    Field("id", .number("ID")) { .unsigned($0.id) },
    Field("type", .type("TYPE")) { JSON(named: $0.typeName, $0.type) },
    Field("name", .name("NAME")) { .string($0.name) },
    Field("flags") { JSON($0.flags) },
    .onScreen(.text("FLAGS").minor) { "0x" + String($0.flags, radix: 16) },
    Field("bytes_key", .number("KEY").minor) { JSON($0.keySize) },
    Field("bytes_value", .number("VALUE").minor) { JSON($0.valueSize) },
    Field("max_entries", .number("MAX_ENTRIES")) { JSON($0.maxEntries) },
    Field("bytes_memlock", .number("MEMLOCK")) { JSON($0.memlock) },
    // A number, as bpftool has it.
    Field("frozen") { JSON($0.isFrozen.map { $0 ? 1 : 0 }) },
    .onScreen(.text("FROZEN").minor) { $0.isFrozen.map { $0 ? "yes" : "no" } },
    Field("btf_id", .number("BTF").minor) { JSON($0.btfID) },
    Field("owner_prog_type") { map in
      guard map.typeName == "prog_array" else { return nil }
      return map.owner.map { JSON(named: $0.typeName, $0.type) } ?? .null
    },
    Field("owner_jited") { $0.typeName == "prog_array" ? JSON($0.owner?.isJited) : nil },
  ]

  func list(_ query: ObjectQuery, of bpf: BPFObjects) throws -> Snapshot<ObjectList<BPFMap>> {
    try bpf.maps(query)
  }
}

extension JSON {
  /// A type as bpftool shows it: the word, or the number that has none.
  init(named word: String?, _ number: UInt32) {
    self = word.map { .string($0) } ?? JSON(number)
  }
}

extension ObjectKind {
  static let map = ObjectKind(
    noun: "map", plural: "BPF maps", keys: ["id", "name", "type"], typeNames: { $0.mapTypes.names },
    all: { try $0.maps().map(\.objects) })
}

extension BPFMap: SelectableObject {
  var id: UInt64 { head.id }
  var selectedName: String? { head.name }
  var selectedType: UInt32? { head.type }
}
