import ArgumentParser

/// What a word of a command may be: completion at the prompt offers these.
enum WordKind: Equatable {
  case words([String])
  case objectName(ObjectKind)
  case objectID(ObjectKind)
  case objectType(ObjectKind)
  /// A vCPU's number.
  case cpu
  case symbol
  /// A global variable of a BPF program.
  case global
  /// After `struct`, `union` or `enum` only such a type.
  case typeName(keyword: String?)
  /// A path of members from a type.
  case member(ofType: String)
  case file

  /// Only the guest knows which words there are.
  var isOfGuest: Bool {
    switch self {
    case .words, .file, .typeName: false
    case .objectName, .objectID, .objectType, .cpu, .symbol, .global, .member: true
    }
  }
}

/// A command whose words the prompt can complete.
protocol CompletedCommand: ParsableCommand {
  /// What the next word may be, options aside.
  ///
  /// - Parameter words: those that stand after the command already.
  static func nextWord(after words: [String]) -> [WordKind]
}

extension CompletedCommand {
  static func nextWord(after words: [String]) -> [WordKind] { [] }
}
