import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelImage

/// The words `id N`, `name GLOB` and `type T` after a command that lists objects of one kind.
struct ObjectSelection {
  /// What messages call the objects: `program`.
  let noun: String
  var id: UInt64?
  var name: String?
  var type: String?

  /// - Parameter keys: which of the words this command takes.
  init(_ words: [String], of noun: String, keys: Set<String>) throws {
    self.noun = noun
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
          throw ValidationError("'\(value)' is not a \(noun) id")
        }
        id = number
      case "name": name = value
      default: type = value
      }
    }
  }

  /// True when words narrow the answer: then one without an object is none.
  var isNarrow: Bool { id != nil || name != nil || (type != nil && type != "all") }

  /// The words, as in `no program with name x type kprobe`.
  private var text: String {
    [("id", id.map { "\($0)" }), ("name", name), ("type", type)]
      .compactMap { key, value in value.map { "\(key) \($0)" } }.joined(separator: " ")
  }

  /// Refuses an answer in which nothing is what was asked for.
  ///
  /// - Parameter unreadable: an object that is missing may be the one.
  func admit<Object>(_ objects: [Object], unreadable: [UnreadableObject]) throws {
    guard isNarrow, objects.isEmpty, unreadable.isEmpty else { return }
    throw CommandError("the guest has no \(noun) with \(text)")
  }

  /// Those of the objects whose names are asked for.
  func matching<Object>(_ objects: [Object], name: (Object) -> String) -> [Object] {
    guard let glob = self.name.map(Glob.init) else { return objects }
    return objects.filter { glob.matches(name($0)) }
  }

  static func nextWord(after words: [String], of kind: ObjectKind, keys: [String]) -> [WordKind] {
    guard words.count % 2 == 1, let key = words.last else {
      return [.words(keys.filter { !words.contains($0) })]
    }
    return switch key {
    case "id": [.objectID(kind)]
    case "name": [.objectName(kind)]
    default: [.objectType(kind)]
    }
  }

  /// The number of a type's name; nil for `all`.
  ///
  /// - Parameter names: all types of this kernel, by number.
  func typeNumber(in names: [UInt32: String], default standard: String) throws -> UInt32? {
    let name = type ?? standard
    if name == "all" { return nil }
    guard let number = names.first(where: { $0.value == name })?.key else {
      let known = names.sorted { $0.key < $1.key }.map(\.value)
      throw UsageError(
        "'\(name)' is not a type of \(noun) in this guest's kernel: it has all, "
          + known.joined(separator: ", "))
    }
    return number
  }
}
