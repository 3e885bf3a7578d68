import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `map dump`: what is in BPF maps, as `bpftool map dump` shows it.
struct MapDump: SelectingCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump", abstract: "What is in a BPF map, or in those of a name.",
    usage: "guestscope map dump [id <n> | name <glob>] ...",
    discussion: """
      map dump id 12
      map dump name .bss
      map dump id 12 --limit 20 --offset 100
      map dump id 12 --key pid=17

      Entries stand in the order in which the kernel lists them, with the keys of bpftool -j map \
      dump; of several maps each has its id, type, name and flags around its elements. bpftool cannot \
      list queues, stacks and ring buffers: here an element of a queue or stack has its index (0 is \
      popped first), a record of a ring buffer its offset, len, busy and discarded beside its data. \
      None of these is taken out. Of a bloom filter there is how full it is, and of an arena, with \
      --pages, what pages hold. What an entry leads to (a program, a map, an event, a cgroup, a socket, \
      a device) stands beside its value as slot, the functions of a stack as frames.

      Locks, timers and pointers of the kernel in a value are zeros, as for bpftool, unless --raw asks \
      for memory. A large map is read in several short stops while the guest runs on: each entry is of \
      one instant, all of them need not be.
      """)

  @OptionGroup var selected: SelectionArguments
  @Option(help: ArgumentHelp("Show so many entries of each map.", valueName: "n"))
  var limit: Int?
  @Option(help: ArgumentHelp("Leave so many entries of each map out first.", valueName: "n"))
  var offset: Int = 0
  @Flag(help: "Show what the kernel hides: locks, timers, kernel pointers.")
  var raw = false
  @Option(
    help: ArgumentHelp(
      "Show only the entries whose keys have these members, as pid=17,cpu=2, or that have this key.",
      valueName: "key"))
  var key: String?
  @Flag(help: "Show the pages of an arena that are populated.")
  var pages = false
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let objects = ObjectKind.mapWithContents

  private var window: EntryWindow { EntryWindow(offset: offset, limit: limit) }

  func validate() throws {
    guard try selection.isNarrow else {
      throw ValidationError("map dump takes the maps to show: id N or name GLOB")
    }
    _ = try keyExpression
    guard limit ?? 0 >= 0, offset >= 0 else {
      throw ValidationError("--limit and --offset take a number of entries, from 0 on")
    }
  }

  private var keyExpression: KeyExpression? {
    get throws {
      guard let key else { return nil }
      guard let expression = KeyExpression([key]) else {
        throw ValidationError("'\(key)' does not name members of a key, as in --key pid=17,cpu=2")
      }
      return expression
    }
  }

  func answer(in session: Session) throws -> Answer {
    let selection = try selection
    let globs = selection.globs
    let formatter = raw ? nil : ValueFormatter.standard
    var query = MapContentsQuery(
      ObjectQuery(ids: selection.onlyIDs), window: key == nil ? window : EntryWindow(),
      isRaw: raw, wantsTypes: formatter != nil || key != nil, wantsPages: pages
    ) { selection.matches(id: $0.id, name: $0.name, globs) }
    query.wantsCount = true
    var reading = try MapReading.all(query, in: session)
    try selection.admit(reading.maps, unreadable: reading.unreadable)
    var remarks = window == EntryWindow() ? reading.countRemarks : []
    if let expression = try keyExpression {
      for index in reading.maps.indices {
        let pattern = try KeyPattern(expression, of: KeysOfMap(reading.maps[index]))
        reading.maps[index].entries = window.entries(
          of: reading.maps[index].entries.filter { pattern.matches($0.key ?? []) })
      }
    }
    let form = try session.form(of: reading.maps, formatter)
    var answer = try MapDumpAnswer(maps: reading.maps, form: form)
      .answer(missing: reading.unreadable.missing + reading.missing)
    if reading.stops > 1 {
      remarks.append(
        "read in \(reading.stops) stops, between which the guest ran on: each entry is of one of them"
      )
    }
    answer.remarks += remarks
    return answer
  }
}

/// The contents of maps as an answer.
struct MapDumpAnswer {
  var maps: [MapContents]
  var form: MapEntryForm

  /// - Throws: when no map's contents are there to show.
  func answer(missing: [String]) throws -> Answer {
    let refusals = maps.compactMap { map in
      map.refusal.map { "map \(map.map.id): \($0.text)" }
    }
    if refusals.count == maps.count, let first = refusals.first { throw CommandError(first) }
    guard maps.count == 1, let only = maps.first else {
      return Answer(
        .array(maps.map(document)), .lines(maps.flatMap { [header($0.map)] + lines($0) }),
        missing: missing + refusals)
    }
    return Answer(.array(elements(only)), .lines(lines(only)), missing: missing)
  }

  private func elements(_ contents: MapContents) -> [JSON] {
    contents.entries.map { form.json($0, of: contents) }
  }

  /// One of several maps.
  private func document(_ contents: MapContents) -> JSON {
    let map = contents.map
    return [
      "id": .unsigned(map.id), "type": JSON(named: map.typeName, map.type),
      "name": .string(map.name), "flags": JSON(map.flags),
      "elements": contents.refusal == nil ? .array(elements(contents)) : .null,
    ]
  }

  private func header(_ map: MapHead) -> String {
    "\(map.id): \(map.typeName ?? "type \(map.type)")"
      + (map.name.isEmpty ? "" : "  name \(map.name)")
      + "  flags 0x" + String(map.flags, radix: 16)
  }

  private func lines(_ contents: MapContents) -> [String] {
    if let refusal = contents.refusal { return ["(\(refusal.text))"] }
    if contents.map.typeName == "bloom_filter" { return contents.entries.flatMap(\.lines) }
    let lines = contents.entries.flatMap { form.lines($0, of: contents) }
    let count = contents.entries.count
    return lines + ["Found \(count) element\(count == 1 ? "" : "s")"]
  }
}

extension MapContents.Refusal {
  fileprivate var text: String {
    if case .arena = self { "\(self); --pages shows them" } else { "\(self)" }
  }
}

extension ObjectKind {
  /// Selected by what bpftool selects them by: a type names too many to read all of.
  static let mapWithContents = ObjectKind(
    noun: "map", plural: "BPF maps", keys: ["id", "name"], all: { try $0.maps().map(\.objects) })
}
