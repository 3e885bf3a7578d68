import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `map dump`: what is in BPF maps, as `bpftool map dump` shows it.
struct MapDump: SelectingCommand, StreamedCommand {
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
      for memory, and says what pointers in typed values lead to. A large map is read in several short stops while the guest runs on: each entry is of \
      one instant, all of them need not be.
      """)

  @OptionGroup var selected: SelectionArguments
  @Option(help: ArgumentHelp("Show at most this many entries of each map.", valueName: "n"))
  var limit: Int?
  @Option(help: ArgumentHelp("Skip this many entries of each map first.", valueName: "n"))
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
  @Flag(help: "Say which processes hold a socket; looks at all open files of the guest.")
  var owners = false
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

  func answer(in session: Session, to stream: any AnswerStream) throws -> Answer.Notes {
    let selection = try selection
    let globs = selection.globs
    let formatter = raw ? nil : ValueFormatter.standard
    var query = MapContentsQuery(
      ObjectQuery(ids: selection.onlyIDs), window: key == nil ? window : EntryWindow(),
      isRaw: raw, wantsTypes: true, wantsPages: pages
    ) { selection.matches(id: $0.id, name: $0.name, globs) }
    (query.wantsCount, query.wantsFiles) = (true, owners)
    var parts = try MapParts(query, in: session)
    try selection.admit(parts.maps, unreadable: parts.unreadable)
    let refusals = parts.maps.compactMap(\.refusalText)
    if refusals.count == parts.maps.count, let first = refusals.first { throw CommandError(first) }
    let writer = try MapDumpWriter(
      stream, session, formatter, key: keyExpression.map { ($0, window) }, maps: parts.maps,
      .init(namesPointers: raw, namesHolders: owners))
    try session.interrupts.withCancelling { try writer.write(&parts) }
    var notes = Answer.Notes(missing: parts.unreadable.missing + parts.missing + refusals)
    notes.remarks = parts.countRemarks
    if parts.hasLostGuest { session.disconnect() }
    if !parts.isOfOneInstant {
      notes.remarks.append(
        "read in \(parts.stops) stops, between which the guest ran on: each entry is of one of them"
      )
    }
    return notes
  }
}

extension MapContents {
  /// Why there is nothing to show; nil where there is.
  var refusalText: String? { refusal.map { "map \(map.id): \($0.text)" } }
}

extension MapContents.Refusal {
  var text: String {
    if case .arena = self { "\(self); --pages shows them" } else { "\(self)" }
  }
}

extension ObjectKind {
  /// Selected by what bpftool selects them by: a type names too many to read all of.
  static let mapWithContents = ObjectKind(
    noun: "map", plural: "BPF maps", keys: ["id", "name"], all: { try $0.maps().map(\.objects) })
}
