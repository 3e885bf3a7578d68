import GuestScopeKernelBPF
import GuestScopeLinuxKernel
import Testing

@testable import Commands
@testable import GuestScopeGuestMemory

@Suite struct ScreenTests {
  @Test func columnsAreAsWideAsTheirWidestCell() {
    let table = Table(
      [.number("ID"), .text("NAME"), .number("CNT"), .text("MAPS")],
      rows: [["1", "lab", "7", "1,2"], ["12345", "long_name", "-", ""]])
    #expect(
      table.lines == [
        "   ID  NAME       CNT  MAPS",
        "    1  lab          7  1,2",
        "12345  long_name    -  -",
      ])
  }

  @Test func aTableWithoutRowsHasItsHeading() {
    #expect(Table([.text("NAME"), .number("CNT")]).lines == ["NAME  CNT"])
  }

  @Test func whatATerminalWouldTakeForACommandIsReplaced() {
    let name = "a\u{1b}[2J\u{7}\u{9b}\u{7f}\n\u{0}b"
    let screens: [Answer.Screen] = [
      .lines([name]), .table(Table([.text("NAME")], rows: [[name]])), .pairs([("name", name)]),
    ]
    for screen in screens {
      let text = screen.lines.joined(separator: "\n")
      let raw = text.unicodeScalars.filter {
        $0.value < 0x20 && $0 != "\n" || (0x7f..<0xa0).contains($0.value)
      }
      #expect(raw.isEmpty)
      #expect(text.contains("a\u{fffd}[2J"))
      #expect(screen.lines.allSatisfy { !$0.contains("\n") })
    }
  }

  @Test(
    arguments: [
      (0, 1, "1 program unreadable"), (0, 2, "2 programs unreadable"),
      (1, 0, "1 xarray node (with the objects that hang on it) unreadable"),
      (2, 1, "1 program and 2 xarray nodes (with the objects that hang on them) unreadable"),
    ])
  func nodesAreNoPrograms(nodes: Int, programs: Int, line: String) {
    let kinds =
      Array(repeating: XArray.nodeKind, count: nodes) + Array(repeating: "program", count: programs)
    let snapshot = Snapshot(
      value: (),
      unreadable: kinds.enumerated().map { id, kind in
        UnreadableObject(
          key: ObjectKey(kind, id: UInt64(id), at: KernelVirtualAddress(0)),
          cause: Unreadable(.notMapped, at: 0))
      }, consistency: .instant, time: 0, waves: 1, closing: SampleLoad())
    #expect(snapshot.missing.first == line)
    #expect(snapshot.missing.count == 1 + nodes + programs)
  }

  @Test(
    arguments: [
      ((100, 200, 3), "lab: cnt=100 nsecs=200 misses=3 ns/call=2.000 miss_rate=0.0291"),
      ((0, 0, 0), "lab: cnt=0 nsecs=0 misses=0"),
      ((3, 10, 0), "lab: cnt=3 nsecs=10 misses=0 ns/call=3.333"),
      ((0, 0, 5), "lab: cnt=0 nsecs=0 misses=5 miss_rate=1.0000"),
      ((7, 7, nil), "lab: cnt=7 nsecs=7 misses=- ns/call=1.000"),
      (
        (.max, .max, .max),
        "lab: cnt=18446744073709551615 nsecs=18446744073709551615 misses=18446744073709551615 "
          + "ns/call=1.000 miss_rate=0.5000"
      ),
    ] as [((UInt64, UInt64, UInt64?), String)])
  func theRuntimeLineIsTheContracts(counters: (UInt64, UInt64, UInt64?), line: String) {
    let counters = RunCounters(cnt: counters.0, nsecs: counters.1, misses: counters.2)
    #expect(counters.line("lab") == line)
  }

  @Test(
    arguments: [
      (0, "0 ns"), (999, "999 ns"), (1000, "1.0 µs"), (1_234_567, "1.2 ms"),
      (59_940_000_000, "59.9 s"),
      (.max, "18446744073.7 s"),
    ] as [(UInt64, String)])
  func timesHaveTheUnitThatPeopleRead(nanoseconds: UInt64, text: String) {
    #expect(timeText(.unsigned(nanoseconds)) == text)
  }

  @Test func numbersHaveTheirDigits() {
    #expect(fixed(1.0005, 2) == "1.00")
    #expect(fixed(2.5, 0) == "2")
    #expect(fixed(Double(UInt64.max), 3) == "18446744073709551616.000")
    #expect(fixed(.greatestFiniteMagnitude, 3).hasPrefix("179769313486231570"))
  }
}
