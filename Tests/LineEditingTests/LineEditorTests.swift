import Foundation
import Testing

@testable import LineEditing

/// Readline is one for a process: one test after the other.
@Suite(.serialized) enum LineEditingTests {}

extension LineEditingTests {
  /// The editor on a terminal of its own. Keys are in the terminal before a line is asked for.
  @Suite struct LineEditorTests {
    private let terminal = Terminal.shared

    init() {
      terminal.offer = .words([])
      terminal.takeScreen()
    }

    @Test func aLineIsWhatWasTyped() {
      // Ctrl-B goes back one character, Ctrl-E to the end.
      terminal.press("helo\u{2}l\u{5}!\r")
      #expect(terminal.readLine() == .line("hello!"))
      terminal.press("\r")
      #expect(terminal.readLine() == .line(""))
      terminal.press("sym é→漢x\u{7f}\r")
      #expect(terminal.readLine() == .line("sym é→漢"))
    }

    @Test func controlDEndsAnEmptyLineOnly() {
      terminal.press("\u{4}")
      #expect(terminal.readLine() == .end)
      terminal.press("a\u{4}\r")
      #expect(terminal.readLine() == .line("a"))
    }

    @Test func severalPastedLinesAreOne() {
      terminal.press("\u{1b}[200~info\nregs\u{1b}[201~\r")
      #expect(terminal.readLine() == .line("info\nregs"))
    }

    @Test func anInterruptGivesTheLineUp() {
      terminal.signal(SIGINT)
      #expect(terminal.readLine() == .interrupted)
      #expect(terminal.takeScreen().contains("^C"))
      terminal.press("info\r")
      #expect(terminal.readLine() == .line("info"))
    }

    @Test(arguments: [SIGWINCH, SIGCONT]) func otherSignalsLeaveTheLine(number: Int32) {
      terminal.signal(number)
      terminal.press("info\r")
      #expect(terminal.readLine() == .line("info"))
    }

    @Test func backInTheForegroundKeysComeOneByOneAgain() {
      terminal.offer = .words(["stats"])
      var ticks = 0
      let event = terminal.readLine {
        ticks += 1
        if ticks == 1 {
          // What a shell leaves behind: to a program go whole lines.
          terminal.waitForLines()
          terminal.signal(SIGCONT)
          terminal.press("prog st\t\r")
        } else {
          terminal.press("\n")
        }
        return nil
      }
      #expect(event == .line("prog stats "))
      #expect(ticks == 1)
    }

    @Test func newsStandAboveTheLine() {
      var news: LineEditor.News? = .init("the guest is gone", prompt: "(no guest)> ")
      let event = terminal.readLine {
        defer { terminal.press("info\r") }
        let first = news
        news = nil
        return first
      }
      #expect(event == .line("info"))
      let screen = terminal.takeScreen()
      #expect(screen.contains("the guest is gone\r\n"))
      #expect(screen.contains("(no guest)> "))
    }

    // MARK: Completion

    @Test func theOnlyWordIsCompletedWithABlank() {
      terminal.offer = .words(["stats"])
      terminal.press("prog st\t-j\r")
      #expect(terminal.readLine() == .line("prog stats -j"))
      #expect(terminal.asked.map(\.before) == ["prog "])
      #expect(terminal.asked.map(\.word) == ["st"])
    }

    @Test func aStemIsCompletedWithout() {
      terminal.offer = .stems([".mm"])
      terminal.press("print x .m\t.pgd\r")
      #expect(terminal.readLine() == .line("print x .mm.pgd"))
    }

    @Test func aQuoteIsClosed() {
      terminal.offer = .words(["struct task_struct"])
      terminal.press("type 'struct ta\t\r")
      #expect(terminal.readLine() == .line("type 'struct task_struct' "))
      #expect(terminal.asked.map(\.word) == ["struct ta"])
    }

    @Test(arguments: [("a file", true), ("it's", true), ("a#b", true), ("plain", false)])
    func aFileNameThatIsNotOneWordIsQuoted(name: String, isQuoted: Bool) throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      try Data().write(to: folder.appendingPathComponent(name))
      terminal.offer = .files
      terminal.press("source \(folder.path)/\(name.prefix(1))\t\r")
      let quote = isQuoted ? "\"" : ""
      #expect(terminal.readLine() == .line("source \(quote)\(folder.path)/\(name)\(quote) "))
    }

    @Test func filesAreSorted() throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let names = (0..<26).map { String(UnicodeScalar(UInt8(97 + $0))) }
      for name in names.shuffled() { try Data().write(to: folder.appendingPathComponent(name)) }
      terminal.offer = .files
      terminal.press("source \(folder.path)/\t\t\u{15}\r")
      #expect(terminal.readLine() == .line(""))
      #expect(terminal.takeScreen().contains(names.joined(separator: "  ")))
    }

    @Test func whatWordsHaveInCommonIsCompleted() {
      terminal.offer = .words(["init_task", "init_tasks", "init_table"])
      terminal.press("sym in\t\r")
      #expect(terminal.readLine() == .line("sym init_ta"))
      terminal.offer = .words(["é1", "é2"])
      terminal.press("é\t\r")
      #expect(terminal.readLine() == .line("é"))
      terminal.offer = .words([])
      terminal.press("x\t\r")
      #expect(terminal.readLine() == .line("x"))
    }

    @Test func wordsAreShownInTheirOrderAndNotTooMany() {
      terminal.offer = .words(["5", "10", "9"])
      terminal.press("\t\t\u{15}\r")
      #expect(terminal.readLine() == .line(""))
      #expect(terminal.takeScreen().contains("5   10  9"))
      terminal.offer = .words((0..<1000).map { "symbol_\($0)" })
      terminal.press("symbol_\t\t\u{15}\r")
      #expect(terminal.readLine() == .line(""))
      let screen = terminal.takeScreen()
      #expect(screen.contains("… 800 more") && !screen.contains("symbol_200"))
    }
  }
}

/// A pseudo-terminal with the editor on it.
private final class Terminal {
  nonisolated(unsafe) static let shared = Terminal()

  var offer = Completion.words([])
  private(set) var asked: [(before: String, word: String)] = []
  private var master: Int32 = -1
  private var slave: Int32 = -1
  private var wakeEnd: Int32 = -1
  private var editor: LineEditor!

  private init() {
    setenv("TERM", "xterm", 1)
    setenv("INPUTRC", "/dev/null", 1)
    setenv("LC_ALL", "C.UTF-8", 1)
    // Raw, so that keys wait as they are.
    var modes = termios()
    cfmakeraw(&modes)
    modes.c_oflag |= tcflag_t(OPOST | ONLCR)
    // Without it readline takes what is typed for a password.
    modes.c_lflag |= tcflag_t(ECHO)
    var size = winsize(ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0)
    guard openpty(&master, &slave, nil, &modes, &size) == 0 else { fatalError("no terminal") }
    _ = fcntl(master, F_SETFL, O_NONBLOCK)
    var ends: [Int32] = [-1, -1]
    pipe(&ends)
    wakeEnd = ends[1]
    editor = LineEditor(input: slave, output: slave, wake: ends[0]) { [unowned self] in
      asked.append(($0, $1))
      return offer
    }
  }

  func press(_ keys: String) { _ = write(master, keys, keys.utf8.count) }

  /// As a shell has it: keys are held back until Enter, which here is a line feed.
  func waitForLines() {
    var modes = termios()
    tcgetattr(slave, &modes)
    modes.c_lflag |= tcflag_t(ICANON | ECHO)
    tcsetattr(slave, TCSANOW, &modes)
  }

  func signal(_ number: Int32) {
    var byte = UInt8(number)
    _ = write(wakeEnd, &byte, 1)
  }

  func readLine(_ tick: () -> LineEditor.News? = { nil }) -> LineEditor.Event {
    asked = []
    return editor.readLine(prompt: "> ", tick: tick)
  }

  /// What was written to the screen since the last call.
  @discardableResult
  func takeScreen() -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(master, &chunk, chunk.count)
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
  }
}
