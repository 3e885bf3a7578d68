import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// The words `id N`, `name GLOB` and `type T` behind a command.
struct ProgramSelection {
  var id: UInt64?
  var name: String?
  var type: String?

  /// - Parameter keys: which of the words this command takes.
  init(_ words: [String], keys: Set<String>) throws {
    var rest = words[...]
    var seen: Set<String> = []
    while let key = rest.popFirst() {
      guard keys.contains(key) else {
        throw ValidationError("'\(key)' is not one of: \(keys.sorted().joined(separator: ", "))")
      }
      guard let value = rest.popFirst() else { throw ValidationError("'\(key)' takes a value") }
      guard seen.insert(key).inserted else { throw ValidationError("'\(key)' can stand once") }
      switch key {
      case "id":
        guard let number = UInt64(value) else {
          throw ValidationError("'\(value)' is not a program id")
        }
        id = number
      case "name": name = value
      default: type = value
      }
    }
  }

  /// True when words narrow the answer: then one without a program is none.
  var isNarrow: Bool { id != nil || name != nil || (type != nil && type != "all") }

  /// The words, as in `no program with name x type kprobe`.
  private var text: String {
    [("id", id.map { "\($0)" }), ("name", name), ("type", type)]
      .compactMap { key, value in value.map { "\(key) \($0)" } }.joined(separator: " ")
  }

  /// Refuses an answer in which nothing is what was asked for.
  ///
  /// - Parameter unreadable: a program that is missing may be the one.
  func admit(_ programs: [BPFProgram], unreadable: [UnreadableObject]) throws {
    guard isNarrow, programs.isEmpty, unreadable.isEmpty else { return }
    throw CommandError("the guest has no program with \(text)")
  }

  static func nextWord(after words: [String], keys: [String]) -> [WordKind] {
    guard words.count % 2 == 1, let key = words.last else {
      return [.words(keys.filter { !words.contains($0) })]
    }
    return switch key {
    case "id": [.programID]
    case "name": [.programName]
    default: [.programType]
    }
  }

  /// The number of a type's name; nil for `all`.
  func typeNumber(_ programs: BPFPrograms, default standard: String) throws -> UInt32? {
    let name = type ?? standard
    if name == "all" { return nil }
    guard let number = programs.type(named: name) else {
      let known = programs.typeNames.sorted { $0.key < $1.key }.map(\.value)
      throw UsageError(
        "'\(name)' is no type of program in this guest's kernel: it has all, "
          + known.joined(separator: ", "))
    }
    return number
  }
}
