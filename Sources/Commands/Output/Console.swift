import Glibc

/// Where answers and everything else go: answers to standard output, the rest to standard error.
package final class Console {
  /// What begins a note: the program's name, or the line of a script, with the guest where it is one of
  /// all.
  var prefix: String
  /// The guest that this process asks, where `-c all` has started it for one of all.
  let guest: OneOfAll?
  /// Its name, before what is said of it.
  let subject: String
  private var output: Int32
  /// Where everything but answers goes.
  let errors: Int32
  private let interrupts: Interrupts?
  /// A line on the terminal that says how far the work is; whatever is written next takes its place.
  private var hasStatus = false
  /// A line is being edited: what is said meanwhile, as Tab does some work, would tear it. Notes
  /// wait to be taken, or for the end of the line.
  var isEditing = false {
    didSet { if !isEditing { for note in takeNotes() { try? write(note + "\n", to: errors) } } }
  }
  private var notes: [String] = []
  /// What a terminal shows ends within a line.
  private var isMidLine = false
  /// Shows the answer that is being written; notes wait for its end.
  private var pager: Pager?

  /// - Parameters:
  ///   - output, errors: file descriptors, not closed here.
  ///   - interrupts: ends a long answer half-way.
  init(
    output: Int32 = STDOUT_FILENO, errors: Int32 = STDERR_FILENO, interrupts: Interrupts? = nil
  ) {
    self.output = output
    self.errors = errors
    self.interrupts = interrupts
    guest = OneOfAll.current
    subject = guest.map { $0.name.printable + ": " } ?? ""
    prefix = "guestscope: " + subject
  }

  /// Writes an answer. Throws `BrokenPipe` when nobody reads any more.
  func answer(_ text: String) throws {
    guard let pager else { return try write(text, to: output) }
    guard let text = try pager.take(text), let process = pager.process else { return }
    try write(text, to: process.input)
  }

  /// Writes the answers of some work elsewhere.
  func redirecting<T>(to descriptor: Int32, _ work: () throws -> T) rethrows -> T {
    let outer = (output, isMidLine)
    clearStatus()
    output = descriptor
    defer { (output, isMidLine) = outer }
    return try work()
  }

  /// Shows the answers of some work by a pager where they are longer than the terminal.
  ///
  /// - Returns: the exit status of the work, or that of what went wrong after it.
  func paging(_ work: () -> Int32) -> Int32 {
    guard pager == nil, let pager = Pager(for: output) else { return work() }
    self.pager = pager
    var status = work()
    self.pager = nil
    clearStatus()
    do { try write(pager.takeHeld(), to: output) } catch {
      status = error is Cancelled ? Status.interrupted : Status.failed
    }
    if let failure = pager.end() { note(failure) }
    for note in takeNotes() { try? write(note + "\n", to: errors) }
    // Who leaves a pager before the end has read enough.
    return status == Status.brokenPipe ? Status.answered : status
  }

  /// - Parameter paint: of the text; that of what is missing from an answer, for example.
  func note(_ text: String, _ paint: Paint? = nil) {
    let style = ScreenStyle(hasColours: hasColours)
    let line = style.paint(prefix, .emphasis) + style.paint(Self.printable(text), paint)
    guard !isEditing, pager == nil else { return notes.append(line) }
    clearStatus()
    let start = isMidLine && isatty(errors) == 1 && isatty(output) == 1 ? "\n" : ""
    try? write(start + line + "\n", to: errors)
  }

  func trace(_ text: String) {
    let line = Self.printable(subject + text)
    if isEditing || pager != nil { notes.append(line) } else { try? write(line + "\n", to: errors) }
  }

  /// The notes that wait.
  func takeNotes() -> [String] {
    defer { notes = [] }
    return notes
  }

  /// Names and banners come from the guest. A text of ours may have several lines.
  private static func printable(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }
      .joined(separator: "\n")
  }

  /// Says on a terminal what takes long, while it does.
  func progress<T, E: Error>(_ text: String, _ work: () throws(E) -> T) throws(E) -> T {
    show(status: text + "…")
    defer { clearStatus() }
    return try work()
  }

  /// Says on a terminal how far the work is, in place of what was said before.
  func show(status: String) {
    // Of several guests one process alone says what is being done.
    guard isatty(errors) == 1, environment("TERM") != "dumb", !isEditing, pager?.process == nil,
      guest == nil
    else { return }
    // One row: no more of it can be taken back.
    let width = TerminalSize(of: errors)?.columns ?? 80
    try? write(String(status.prefix(width - 1)), to: errors)
    hasStatus = true
  }

  func clearStatus() { try? write("", to: errors) }

  /// Answers go to a terminal.
  var isTerminal: Bool { isatty(output) == 1 }

  /// Of the terminal that answers go to; nil for no terminal.
  var columns: Int? {
    TerminalSize(of: output)?.columns
      ?? guest.flatMap { $0.columns > 0 ? $0.columns : nil }
  }

  /// Of notes and of the prompt; answers have the style of where they go.
  var hasColours: Bool { Paint.isWanted(on: errors) }

  /// How to draw an answer where it goes.
  ///
  /// - Parameter isWide: without a bound for tables.
  func style(isWide: Bool) -> ScreenStyle {
    ScreenStyle(
      width: isWide ? nil : columns,
      hasColours: Paint.isWanted(on: output))
  }

  private func write(_ text: String, to file: Int32) throws {
    if hasStatus {
      hasStatus = false
      try write("\r\u{1b}[K", to: errors)
      isMidLine = false
    }
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      if interrupts?.endsAnswers == true, file != errors { throw Cancelled() }
      let count = unsafe bytes.prefix(1 << 14).withUnsafeBytes {
        unsafe Glibc.write(file, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EPIPE { throw BrokenPipe() }
      guard count > 0 else {
        throw CommandError("cannot write the answer: \(unsafe String(cString: strerror(errno)))")
      }
      isMidLine = bytes[bytes.startIndex + count - 1] != UInt8(ascii: "\n")
      bytes = bytes.dropFirst(count)
    }
  }
}

/// The value of an environment variable, empty without one.
func environment(_ name: String) -> String {
  unsafe getenv(name).map { unsafe String(cString: $0) } ?? ""
}

/// Nobody reads the output any more (`| head -1`): the program ends quietly.
struct BrokenPipe: Error {}

/// Ctrl-C at the prompt.
struct Cancelled: Error {}
