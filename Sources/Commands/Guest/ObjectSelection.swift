import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelImage

/// The words `id N`, `name GLOB` and `type T` after a command that lists objects of one kind.
///
/// An object is selected when any of the ids or any of the names is its own, and one of the types
/// is, too; what is not said selects all.
struct ObjectSelection {
  let objects: ObjectKind
  private(set) var ids: [UInt64] = []
  private(set) var names: [String] = []
  private(set) var types: [String] = []
  /// Words without a value that stand beside them.
  private(set) var flags: Set<String> = []

  /// - Parameter flags: words without a value that the command takes, too.
  init(_ words: [String], of objects: ObjectKind, flags: [String] = []) throws {
    self.objects = objects
    let keys = objects.keys
    var rest = words[...]
    while let key = rest.popFirst() {
      guard !flags.contains(key) else {
        self.flags.insert(key)
        continue
      }
      guard keys.contains(key) else {
        let way = UInt64(key) == nil ? "" : "; an object is selected by its number with: id \(key)"
        throw ValidationError(
          "'\(key)' is not one of: \((keys + flags).joined(separator: ", "))" + way)
      }
      guard let value = rest.popFirst() else { throw ValidationError("'\(key)' takes a value") }
      switch key {
      case "id":
        for text in value.split(separator: ",", omittingEmptySubsequences: false) {
          guard let id = UInt64(text) else {
            throw ValidationError("'\(text)' is not a \(objects.noun) id")
          }
          ids.append(id)
        }
      case "name": names.append(value)
      default: types.append(value)
      }
    }
  }

  /// The only ids that an object can have: no walker need look for others.
  var onlyIDs: Set<UInt64>? { ids.isEmpty || !names.isEmpty ? nil : Set(ids) }

  /// True when words narrow the answer: an empty one is an error then.
  var isNarrow: Bool {
    !ids.isEmpty || !names.isEmpty || !(types.isEmpty || types.contains("all"))
  }

  /// The words, as in `no program with id 3 or name x type kprobe`.
  private var text: String {
    [ids.map { "id \($0)" } + names.map { "name \($0)" }, types.map { "type \($0)" }]
      .filter { !$0.isEmpty }.map { $0.joined(separator: " or ") }.joined(separator: " ")
  }

  /// Refuses an answer in which nothing is what was asked for.
  ///
  /// - Parameter unreadable: the one that was asked for may be among these.
  func admit<Object>(_ objects: [Object], unreadable: [UnreadableObject]) throws {
    guard isNarrow, objects.isEmpty, unreadable.isEmpty else { return }
    var error = CommandError("the guest has no \(self.objects.noun) with \(text)")
    error.isOfSelection = true
    throw error
  }

  /// The selected ones of the objects.
  ///
  /// - Parameter types: what `typeNumbers` gave.
  func matching<Object: SelectableObject>(_ objects: [Object], types: Set<UInt32>?) -> [Object] {
    let names = globs
    return objects.filter { object in
      matches(id: object.id, name: object.selectedName, names)
        && types.map { types in object.selectedType.map(types.contains) ?? true } ?? true
    }
  }

  /// The names that are selected.
  var globs: [Glob] { names.map(Glob.init) }

  /// True when an id or a name is selected.
  func matches(id: UInt64, name: String?, _ globs: [Glob]) -> Bool {
    (ids.isEmpty && globs.isEmpty) || ids.contains(id)
      || globs.contains { glob in name.map(glob.matches) ?? false }
  }

  /// The numbers of the types; nil for all.
  ///
  /// - Parameters:
  ///   - names: all types of this kernel, by number.
  ///   - standard: the type where the words select nothing at all.
  func typeNumbers(
    in names: [UInt32: String], default standard: String = "all"
  ) throws -> Set<UInt32>? {
    let isOpen = ids.isEmpty && self.names.isEmpty && types.isEmpty
    let wanted = isOpen ? [standard] : types
    let numbers = try wanted.filter { $0 != "all" }.map { name in
      guard let number = names.first(where: { $0.value == name })?.key else {
        let known = names.sorted { $0.key < $1.key }.map(\.value)
        throw UsageError(
          "'\(name)' is not a type of \(objects.noun) in this guest's kernel; known are all, "
            + known.joined(separator: ", "))
      }
      return number
    }
    return wanted.isEmpty || wanted.contains("all") ? nil : Set(numbers)
  }
}
