import ArgumentParser
import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `btf dump`: the types of a BTF object, as `bpftool btf dump` shows them.
struct BTFDump: StreamedCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump", abstract: "The types of a BTF object, as a list or in C.",
    usage: "guestscope btf dump id <n> | kernel | file <file> [format raw|c]",
    discussion: """
      btf dump id 12
      btf dump id 12 format c
      btf dump kernel format c > vmlinux.h
      btf dump file /sys/kernel/btf/vmlinux

      The types of the kernel need no id. With -k alone, where no guest is named and nothing listens on \
      port 1234, they are those of that file. FILE is a kernel, or a file that has BTF and nothing else, \
      and no guest is asked.

      In C, each struct and union has the size and the places of its members that the object has: \
      what the compiler would not leave free by itself stands there as padding. The types of a module \
      bring with them those of the kernel that they need.
      """)

  @Argument(
    help: ArgumentHelp(
      "id N, kernel or file FILE, and perhaps format raw or format c.", valueName: "what"))
  var words: [String] = []
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] {
    let count = words.first == "kernel" ? words.count + 1 : words.count
    return switch count {
    case 0: [.words(["id", "kernel", "file"])]
    case 1: words[0] == "id" ? [.objectID(.btf)] : [.file]
    case 2: [.words(["format"])]
    case 3: [.words(["raw", "c"])]
    default: []
    }
  }

  private enum Subject {
    case id(UInt64)
    case kernel
    case file(String)
  }

  private var request: (subject: Subject, isC: Bool) {
    get throws {
      let count = words.first == "kernel" ? 1 : 2
      let rest = words.dropFirst(count)
      guard words.count >= count, let kind = words.first, ["id", "kernel", "file"].contains(kind),
        rest.isEmpty || rest.elementsEqual(["format", "raw"])
          || rest.elementsEqual(["format", "c"])
      else {
        throw ValidationError(
          "btf dump takes id N, kernel or file FILE, and after it format raw or format c")
      }
      let isC = rest.last == "c"
      switch kind {
      case "kernel": return (.kernel, isC)
      case "file": return (.file(words[1]), isC)
      default:
        guard let id = UInt64(words[1]) else {
          throw ValidationError("'\(words[1])' is not a BTF object id")
        }
        return (.id(id), isC)
      }
    }
  }

  func validate() throws { _ = try request }

  var asksGuest: Bool { words.first != "file" }

  func answer(in session: Session, to stream: any AnswerStream) throws -> Answer.Notes {
    let (subject, isC) = try request
    let types: BTF
    var missing: [String] = []
    switch subject {
    case .id(let id): (types, missing) = try object(id, session)
    case .kernel: types = try session.namedKernel(try session.kernel).btf
    case .file(let path):
      types =
        try BTF(rawFile: path.expandingHome)
        ?? session.facts(ofFile: path.expandingHome)
        .types()
    }
    let count = types.typeCount - (types.base?.typeCount ?? 0)
    if isC {
      let source = try session.console.progress("writing \(count) types in C") {
        try types.sourceInC()
      }
      try stream.lines(source)
      try stream.elements([["c": .string(source.joined(separator: "\n"))]])
    } else {
      let listing = TypeListing(types)
      try stream.object([], array: "types") {
        try listing.forEachPart { part, done in
          try stream.elements(part.map(\.json))
          try stream.lines(part.flatMap { $0.lines(types) })
          session.progress.count("types", done, of: count)
        }
      }
    }
    return Answer.Notes(missing: missing)
  }

  private func object(_ id: UInt64, _ session: Session) throws -> (BTF, missing: [String]) {
    let snapshot = try session.ofThisBoot { kernel in
      try session.bpf(of: kernel).types(ofBTF: id)
    }
    guard let types = snapshot.value else {
      guard let damaged = snapshot.unreadable.first else {
        throw CommandError("the guest has no BTF object with id \(id)")
      }
      throw CommandError("\(damaged)")
    }
    return (types, snapshot.missing)
  }
}

extension BTF {
  /// The types of a file that has BTF and nothing else, as those of /sys/kernel/btf; nil for another
  /// file.
  fileprivate convenience init?(rawFile path: String) throws {
    let file = try OpenFile(path: path)
    // BTF_MAGIC of include/uapi/linux/btf.h, little-endian.
    guard try file.start(2, path) == [0x9f, 0xeb] else { return nil }
    do { try self.init(try file.rest(path)) } catch let error as BTFError {
      throw CommandError(
        "\(path): \(error); a module's BTF needs that of its kernel: find its id with btf list of a "
          + "guest, then use btf dump id N")
    }
  }
}
