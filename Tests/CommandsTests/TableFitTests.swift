import Testing

@testable import Commands

/// Tables on terminals: how wide, and in which colours.
@Suite struct TableFitTests {
  private let table = Table(
    [.number("ID"), .name("NAME"), .text("TAG").minor, .number("CNT").minor, .text("FOR")],
    rows: [
      [
        "7", "a_program_with_a_name", "0123456789abcdef", "123456", "tcp_congestion_ops.cong_avoid",
      ],
      ["100", "", "", "", "x"],
    ])

  private func headings(_ width: Int) -> [Substring] {
    table.drawn(ScreenStyle(width: width)).lines[0].split(separator: " ")
  }

  @Test(arguments: [1, 4, 10, 20, 30, 40, 60, 80, 83])
  func noLineIsWiderThanTheTerminal(width: Int) {
    let drawn = table.drawn(ScreenStyle(width: width))
    // A number is never cut: it would be another one.
    #expect(drawn.lines.allSatisfy { $0.count <= max(width, 3) }, "\(drawn.lines)")
    #expect(drawn.lines.count == 3)
    #expect(headings(width).count + drawn.hidden.count == 5)
  }

  @Test func whereAllHasRoomNothingIsCut() {
    let width = table.lines.map(\.count).max()!
    #expect(table.drawn(ScreenStyle(width: width)).lines == table.lines)
    #expect(table.drawn(ScreenStyle(width: width)).hidden == [])
    #expect(table.drawn(.plain).lines == table.lines)
  }

  @Test func textsAreCutBeforeColumnsGoAndMinorOnesGoFirst() {
    // 3 + 12 + 12 + 6 + 12 and the gaps.
    #expect(headings(53) == ["ID", "NAME", "TAG", "CNT", "FOR"])
    #expect(headings(52) == ["ID", "NAME", "TAG", "FOR"])
    #expect(headings(44) == ["ID", "NAME", "FOR"])
    #expect(headings(30) == ["ID", "NAME"])
    #expect(headings(16) == ["ID"])
    let drawn = table.drawn(ScreenStyle(width: 44))
    #expect(drawn.hidden == ["TAG", "CNT"])
    #expect(drawn.lines[1] == "  7  a_program_with_a_n…  tcp_congestion_op…")
  }

  @Test func theOnlyColumnIsCutToo() {
    let drawn = Table([.text("A LONG HEADING")], rows: [["short"], ["a longer text"]])
      .drawn(ScreenStyle(width: 6))
    #expect(drawn.lines == ["A LON…", "short", "a lon…"])
  }

  @Test func coloursTakeNoRoom() {
    var table = Table(
      [.number("ID"), .name("NAME"), .type("TYPE")],
      rows: [["7", "lab", "xdp"], ["12", "", "kprobe"], ["1", "other", "xdp"]])
    table.changedRows = [2]
    let lines = table.drawn(ScreenStyle(hasColours: true)).lines
    #expect(lines[0].hasPrefix("\u{1b}[1mID\u{1b}[0m  \u{1b}[1mNAME\u{1b}[0m   "))
    #expect(lines[1] == " 7  \u{1b}[36mlab\u{1b}[0m    \u{1b}[32mxdp\u{1b}[0m")
    #expect(lines[2] == "12  -      \u{1b}[32mkprobe\u{1b}[0m")
    #expect(lines[3].hasPrefix(" \u{1b}[33m1\u{1b}[0m  \u{1b}[33mother\u{1b}[0m"))
    let bare = lines.map { $0.replacing(#/\u{1b}\[[0-9;]*m/#, with: "") }
    #expect(bare == table.lines)
  }

  @Test func sectionsHaveALineBetweenThem() {
    let screen = Answer.Screen.sections([.lines(["a"]), .table(table), .pairs([("k", "v")])])
    #expect(screen.lines == ["a", ""] + table.lines + ["", "k  v"])
    #expect(screen.drawn(ScreenStyle(width: 44)).hidden == ["TAG", "CNT"])
  }
}
