import Testing

@testable import Commands

/// Several commands in a line, and where their answers go.
@Suite struct LineCommandTests {
  @Test(
    arguments: [
      ("", []), (" ; ;; ", []), ("# a; b", []),
      ("info", [.answer(["info"], .screen)]),
      ("info; prog list ;", [.answer(["info"], .screen), .answer(["prog", "list"], .screen)]),
      ("info;regs # x; y", [.answer(["info"], .screen), .answer(["regs"], .screen)]),
      (
        "sym * | grep -c 'a;b' | sort # n",
        [.answer(["sym", "*"], .shell("grep -c 'a;b' | sort # n"))]
      ),
      ("sym *|wc -l", [.answer(["sym", "*"], .shell("wc -l"))]),
      ("info > /tmp/x", [.answer(["info"], .file("/tmp/x", appends: false))]),
      ("info >'a b'", [.answer(["info"], .file("a b", appends: false))]),
      (
        "info >>x; regs",
        [.answer(["info"], .file("x", appends: true)), .answer(["regs"], .screen)]
      ),
      // An arrow is part of a path, and quotes keep everything.
      (
        "print bpf_prog prog:1 ->aux .a->b > f",
        [.answer(["print", "bpf_prog", "prog:1", "->aux", ".a->b"], .file("f", appends: false))]
      ),
      (
        #"var 'a;b' "c|d" e\;f \> '!x'"#,
        [.answer(["var", "a;b", "c|d", "e;f", ">", "!x"], .screen)]
      ),
      ("!ls 'a b' | wc", [.shell("ls 'a b' | wc")]),
      ("info; ! date; x", [.answer(["info"], .screen), .shell("date; x")]),
      // Only at the beginning it is the shell's.
      ("sym !x", [.answer(["sym", "!x"], .screen)]),
    ] as [(String, [LineCommand])])
  func aLineIsSoManyCommands(line: String, commands: [LineCommand]) throws {
    #expect(try LineCommand.all(in: line) == commands)
  }

  @Test(arguments: [
    "| wc", "info |", "info |  ", "> x", "info >", "info > ;", "info > x y", "info > x | wc", "!",
    "! ", "info; | wc", "info 'x | wc", "info > >> x",
  ])
  func aLineThatIsNotWholeIsAMistake(line: String) {
    #expect(throws: UsageError.self) { try LineCommand.all(in: line) }
  }

  @Test(
    arguments: [
      ("", .words([])), ("prog list ; map ", .words(["map"])), ("sym a | grep ", .file),
      ("info > ", .file), ("info > x; regs ", .words(["regs"])), ("!l", .file), ("info; !", .file),
    ] as [(String, LineCommand.Unfinished)])
  func theCursorStandsInTheLastCommand(line: String, unfinished: LineCommand.Unfinished) throws {
    #expect(try LineCommand.unfinished(line) == unfinished)
  }
}
