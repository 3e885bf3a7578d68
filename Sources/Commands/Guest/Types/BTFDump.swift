import ArgumentParser
import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `btf dump`: the types of a BTF object, as `bpftool btf dump` shows them.
struct BTFDump: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump", abstract: "The types of a BTF object, as a list or in C.",
    usage: "guestscope btf dump id <n> [format raw|c]",
    discussion: """
      btf dump id 12
      btf dump id 12 format c

      In C, each struct and union has the size and the places of its members that the object has: \
      what the compiler would not leave free by itself stands there as padding. The types of a module \
      bring with them those of the kernel that they need.
      """)

  @Argument(
    help: ArgumentHelp("id N, and perhaps format raw or format c.", valueName: "id-and-format"))
  var words: [String] = []
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] {
    switch words.count {
    case 0: [.words(["id"])]
    case 1: [.objectID(.btf)]
    case 2: [.words(["format"])]
    case 3: [.words(["raw", "c"])]
    default: []
    }
  }

  private var request: (id: UInt64, isC: Bool) {
    get throws {
      guard words.count == 2 || words.count == 4, words[0] == "id",
        words.count == 2 || (words[2] == "format" && ["raw", "c"].contains(words[3]))
      else { throw ValidationError("btf dump takes id N, and after it format raw or format c") }
      guard let id = UInt64(words[1]) else {
        throw ValidationError("'\(words[1])' is not a BTF object id")
      }
      return (id, words.last == "c")
    }
  }

  func validate() throws { _ = try request }

  func answer(in session: Session) throws -> Answer {
    let (id, isC) = try request
    let snapshot = try session.ofThisBoot { kernel in
      try session.bpf(of: kernel).types(ofBTF: id)
    }
    guard let types = snapshot.value else {
      guard let damaged = snapshot.unreadable.first else {
        throw CommandError("the guest has no BTF object with id \(id)")
      }
      throw CommandError("\(damaged)")
    }
    guard isC else {
      let listing = TypeListing(types)
      return Answer(listing.json, .lines(listing.lines), missing: snapshot.missing)
    }
    let source = try types.sourceInC()
    return Answer(
      ["c": .string(source.joined(separator: "\n"))], .lines(source), missing: snapshot.missing)
  }
}
