import Testing

@testable import Commands

@Suite struct WatchViewTests {
  private let table: Table = {
    var table = Table(
      [.text("PROGRAM"), .number("CALLS/S"), .text("")],
      rows: [["probe", "20.0", "▁"], ["Lab_a", "100.0", "▁"], ["lab_b", "", "▁"]])
    table.changedRows = [1]
    return table
  }()

  private func view(_ keys: String) -> WatchView {
    var view = WatchView()
    for key in keys.utf8 { view.press(key, table.columns) }
    return view
  }

  private func names(_ keys: String) -> [String] { view(keys).rows(of: table).rows.map { $0[0] } }

  @Test func rowsAreInTheirOwnOrderAtFirst() {
    #expect(names("") == ["probe", "Lab_a", "lab_b"])
    #expect(names("r") == ["lab_b", "Lab_a", "probe"])
    #expect(names("rr") == names(""))
  }

  @Test func eachColumnWithANameSorts() {
    #expect(names("s") == ["Lab_a", "lab_b", "probe"])
    // Numbers are no texts, and what has none is last.
    #expect(names("ss") == ["Lab_a", "probe", "lab_b"])
    #expect(names("ssr") == ["lab_b", "probe", "Lab_a"])
    #expect(names("sss") == names(""))
    #expect(view("ss").help(table.columns).contains("(CALLS/S)"))
  }

  @Test func changedRowsAreTheSameRowsInAnyOrder() {
    #expect(view("s").rows(of: table).changedRows == [0])
    #expect(view("/probe\n").rows(of: table).changedRows == [])
  }

  @Test func aFilterIsTypedAndEnded() {
    #expect(names("/lab") == ["Lab_a", "lab_b"])
    #expect(view("/lab").isTyping && view("/lab").help(table.columns).contains("lab_"))
    // Letters are letters while it is typed.
    #expect(view("/q").isOver == false && view("/q\n").isTyping == false)
    #expect(names("/labx\u{7f}_b\n") == ["lab_b"])
    #expect(view("/lab\n").help(table.columns).contains("(lab)"))
    #expect(names("/lab\u{1b}") == names("") && !view("/lab\u{1b}").isTyping)
    #expect(names("/lab\n\u{1b}") == names(""))
    #expect(names("/nothing\n").isEmpty)
  }

  @Test func qEnds() {
    #expect(view("q").isOver && !view("s/x").isOver)
  }

  /// The answers of a command need not have the columns that another sample had.
  @Test func aColumnThatIsNotThereSortsNothing() {
    let other = Table([.text("OBJECT")], rows: [["b"], ["a"]])
    #expect(view("ss").rows(of: other).rows == [["b"], ["a"]])
    #expect(!view("ss").help(other.columns).contains("("))
  }
}
