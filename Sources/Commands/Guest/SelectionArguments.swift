import ArgumentParser

/// The words that select objects, of all commands that list them.
struct SelectionArguments: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "Which objects, by the words that the usage shows: id N or N,N; name GLOB, with *, ? and "
        + "[a-z]; type T, as bpftool names it. Each may be repeated: an object is shown that has "
        + "any of the ids or names, and any of the types.",
      valueName: "selection"))
  var words: [String] = []

  /// How help shows them.
  static let usage = "[id <n> | name <glob> | type <type>] ..."
  static let usageWithoutTypes = "[id <n> | name <glob>] ..."
}

/// A command that lists objects of one kind.
protocol SelectingCommand: GuestCommand {
  static var objects: ObjectKind { get }
  /// Words without a value that stand beside the selection.
  static var flags: [String] { get }
  var selected: SelectionArguments { get }
}

extension SelectingCommand {
  static var flags: [String] { [] }

  var selection: ObjectSelection {
    get throws { try ObjectSelection(selected.words, of: Self.objects, flags: Self.flags) }
  }

  func validate() throws { _ = try selection }

  /// Keys, and after each a value.
  static func nextWord(after words: [String]) -> [WordKind] {
    // The key whose value comes next.
    let key = words.reduce(nil as String?) { key, word in
      key == nil && !flags.contains(word) ? word : nil
    }
    guard let key else { return [.words(objects.keys + flags)] }
    return switch key {
    case "id": [.objectID(objects)]
    case "name": [.objectName(objects)]
    default: [.objectType(objects)]
    }
  }
}
