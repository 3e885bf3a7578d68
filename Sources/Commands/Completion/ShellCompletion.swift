import ArgumentParser
import Glibc
import GuestScopeGDBStub
import GuestScopeKernelCache
import LineEditing

/// Completion in a shell, whose script (`CompletionScript`) asks the program what may stand at the
/// cursor. The answer is what Tab offers at the prompt.
struct ShellCompletion {
  /// The first argument of a program that is asked; the second is the line.
  static let word = "--complete-line"
  /// The guest's words must be there within 200 ms: somebody waits with a finger on Tab.
  private static let microseconds = 200_000

  /// The words before the cursor's, without the program's name.
  let words: [String]
  /// What there is of the word at the cursor.
  let start: String

  /// Nil where the arguments are those of a user.
  init?(_ arguments: [String]) {
    guard arguments.count == 2, arguments[0] == Self.word else { return nil }
    // The mark stands at the cursor, so that the word there is not empty after a blank. A quote may still be
    // open.
    let end = "\u{1}"
    let split = ["", "'", "\""].lazy.compactMap { try? Words.split(arguments[1] + end + $0) }.first
    guard let words = split, let last = words.last, last.hasSuffix(end) else {
      (self.words, start) = ([], "")
      return
    }
    // Variables may be set for the program in front of its name.
    self.words = Array(words.dropLast().drop { $0.contains("=") }.dropFirst())
    start = String(last.dropLast(end.count))
  }

  /// Prints `words` (a blank follows the one that is chosen), `stems` (none does) or `files` (the
  /// shell knows them), and then a line a word. What the guest must be asked for comes last: when the
  /// time is over the rest is there, and the signal has let the guest go on.
  ///
  /// - Returns: the exit status, which no shell looks at.
  func run(
    _ console: Console, debt: ResumeDebt, guardian: String?, interrupts: Interrupts
  ) -> Int32 {
    // Nothing but the answer is said: it would stand in the line that is edited.
    guard let options = try? self.options else { return Status.failed }
    let quiet = Console(errors: open("/dev/null", O_WRONLY | O_CLOEXEC))
    let session = Session(
      options, console: quiet, debt: debt, guardian: guardian, interrupts: interrupts,
      cache: KernelCache(options, quiet))
    var completer = PromptCompleter(session: session, isForShell: true, asksGuest: false)
    let first = completer.completion(after: words, start)
    guard (try? console.answer(first.kind + "\n" + lines(first, without: []))) != nil,
      first != .files
    else { return Status.answered }
    var limit = itimerval()
    limit.it_value.tv_usec = Self.microseconds
    // SIGALRM ends the program as other signals do.
    unsafe setitimer(Int32(ITIMER_REAL.rawValue), &limit, nil)
    completer.asksGuest = true
    try? console.answer(
      lines(completer.completion(after: words, start), without: first.shown))
    return session.closing(Status.answered)
  }

  /// The words that were not offered before, a line each. Names are the guest's, and a shell takes some
  /// characters for commands: a word that has one of those, which the user has not typed himself, is
  /// left out.
  func lines(_ completion: Completion, without others: [String]) -> String {
    let (others, typed) = (Set(others), Set(start))
    let isHarmless = { (character: Character) in
      character.isASCII && (character.isLetter || character.isNumber)
        || "_.:,@+-/".contains(character) || typed.contains(character)
    }
    return completion.shown.filter { !others.contains($0) && $0.allSatisfy(isHarmless) }
      .map { $0 + "\n" }.joined()
  }

  /// Those of the line that say which guest it is; what they say of the answer does not count here.
  private var options: SessionOptions {
    get throws {
      var options = try CommandWords.session(of: words)
      (options.hold, options.stats, options.trace) = (false, false, false)
      (options.wait, options.waitFor) = (nil, nil)
      return options
    }
  }
}

extension Completion {
  fileprivate var kind: String {
    switch self {
    case .words: "words"
    case .stems: "stems"
    case .files: "files"
    }
  }

  fileprivate var shown: [String] {
    switch self {
    case .words(let words), .stems(let words): words
    case .files: []
    }
  }
}
