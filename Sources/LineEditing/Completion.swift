@preconcurrency import CReadline
import Glibc

/// Offers words for the one before the cursor.
///
/// - Parameters:
///   - before: the line up to the word.
///   - word: what there is of it.
public typealias Completer = (_ before: String, _ word: String) -> Completion

/// What Tab offers.
public enum Completion: Equatable {
  /// Whole words that begin with what there is.
  case words([String])
  /// Words that go on: no blank follows.
  case stems([String])
  case files

  /// More than these do not help; readline's own question whether to show them cannot be
  /// interrupted.
  static let mostShown = 200

  static func install(_ new: @escaping Completer) {
    unsafe completer = new
    // Symbols hold `.`, and offsets and members follow: only blanks part words.
    unsafe rl_completer_word_break_characters = UnsafePointer(strdup(" \t"))
    unsafe rl_completer_quote_characters = UnsafePointer(strdup("\"'"))
    // A file name with one of these would be several words, or another one.
    unsafe rl_filename_quote_characters = UnsafePointer(strdup(" \t'\"\\#"))
    rl_completion_query_items = -1
    unsafe rl_variable_bind("page-completions", "off")
    unsafe rl_attempted_completion_function = { word, start, _ in
      guard let completer = unsafe completer, let word = unsafe word,
        let line = unsafe rl_line_buffer
      else { return nil }
      let before = unsafe String(
        decoding: UnsafeRawBufferPointer(start: line, count: Int(start)), as: UTF8.self)
      let offer = completer(before, unsafe String(cString: word))
      // Words come in their order: numbers are not sorted as text.
      rl_sort_completion_matches = offer == .files ? 1 : 0
      if offer == .files { return nil }
      // Else readline would offer files where nothing fits.
      rl_attempted_completion_over = 1
      switch offer {
      case .words(let words): return unsafe Completion.matches(words)
      case .stems(let words):
        rl_completion_suppress_append = 1
        return unsafe Completion.matches(words)
      case .files: return nil
      }
    }
  }

  /// What readline frees: the longest common prefix, the words, a null.
  private static func matches(
    _ words: [String]
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
    guard let first = words.first else { return nil }
    let common = words.reduce(first) { common, word in
      String(zip(common, word).prefix { $0 == $1 }.map(\.0))
    }
    var list = [common]
    if words.count > 1 { list += words.prefix(mostShown) }
    if words.count > mostShown { list.append("… \(words.count - mostShown) more") }
    let size = (list.count + 1) * MemoryLayout<UnsafeMutablePointer<CChar>?>.stride
    guard let raw = unsafe malloc(size) else { return nil }
    let array = unsafe raw.bindMemory(
      to: UnsafeMutablePointer<CChar>?.self, capacity: list.count + 1)
    for (index, word) in list.enumerated() { unsafe array[index] = strdup(word) }
    unsafe array[list.count] = nil
    return unsafe array
  }
}

nonisolated(unsafe) private var completer: Completer?
