import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `map lookup`: one entry of a BPF map, as `bpftool map lookup` shows it.
struct MapLookup: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "lookup", abstract: "One entry of a BPF map, by its key.",
    usage: "guestscope map lookup id <n> key ([hex] <byte> ... | <member>=<value>,... | <number>)",
    discussion: """
      map lookup id 12 key 3 0 0 0
      map lookup id 12 key 0x0a 0x0b 0 0
      map lookup id 12 key hex 0a 0b 00 00
      map lookup id 12 key pid=17,cpu=2
      map lookup id 12 key 3

      The key is as many bytes as the map's keys have, as they are in memory: the lowest of a number \
      first. Or it is all members of the keys' structure, each with a number, a name of its enumeration \
      or text; a key that is not a structure is one number, name or text. Of an array, an element is read; of a hash, one bucket. A trie is asked for the prefix \
      itself, not for the longest that fits. Status 1 when the map has no such key.
      """)

  @Argument(
    help: ArgumentHelp(
      "id N, then key and its bytes (decimal, with 0x in hex, all in hex after the word hex), or its "
        + "members.",
      valueName: "id-and-key"))
  var words: [String]
  @Flag(help: "Show what the kernel hides: locks, timers, kernel pointers.")
  var raw = false
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] {
    switch words.count {
    case 0: [.words(["id"])]
    case 1: [.objectID(.mapWithContents)]
    case 2: [.words(["key"])]
    case 3: [.words(["hex"])]
    default: []
    }
  }

  func validate() throws { _ = try request }

  private var request: (id: UInt64, key: MapKey) {
    get throws {
      // Members can be nothing else, so that the word key may be missing before them.
      let hasKeyWord = words.count > 2 && words[2] == "key"
      guard words.count >= (hasKeyWord ? 4 : 3), words[0] == "id",
        hasKeyWord || words[2].contains("=")
      else {
        throw ValidationError("map lookup takes id N key and the bytes or members of the key")
      }
      guard let id = UInt64(words[1]) else {
        throw ValidationError("'\(words[1])' is not a map id")
      }
      return (id, try MapKey(Array(words[(hasKeyWord ? 3 : 2)...])))
    }
  }

  func answer(in session: Session) throws -> Answer {
    let (id, request) = try request
    let key = try session.bytes(of: request, ofMap: id)
    let formatter = raw ? nil : ValueFormatter.standard
    let query = MapContentsQuery(
      ObjectQuery(ids: [id]), key: key, isRaw: raw, wantsTypes: true)
    let snapshot = try session.contents(ofMap: id, query)
    let contents = snapshot.value
    if case .arena? = contents.refusal {
      throw CommandError(
        "map \(id) is an arena, which has no keys: map dump id \(id) --pages shows its pages")
    }
    if let refusal = contents.refusal { throw CommandError("map \(id): \(refusal)") }
    guard key.count == Int(contents.map.keySize) else {
      throw CommandError(
        "a key of map \(id) is \(contents.map.keySize) bytes, and these are \(key.count)")
    }
    guard let entry = contents.entries.first else {
      if let damaged = snapshot.unreadable.first { throw CommandError("\(damaged)") }
      throw CommandError("map \(id) has no entry with the key \(key.spacedHex)")
    }
    if case .error(let number) = entry.value {
      throw CommandError(
        number == 2
          ? "map \(id) has no entry with the key \(key.spacedHex)"
          : "map \(id) cannot be looked up: \(errorText(number))")
    }
    let form = try session.form(of: contents, formatter, namesPointers: raw)
    return Answer(
      form.json(entry, of: contents), .lines(form.lines(entry, of: contents)),
      missing: snapshot.missing)
  }
}
