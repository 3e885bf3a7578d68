import Testing

@testable import Commands

@Suite struct WatchTests {
  private func sample(_ document: JSON, at time: Double) -> WatchSample {
    WatchSample(
      values: AnswerValues(document), time: time, cost: SessionStatistics(), notes: .init())
  }

  private func stats(_ name: String, _ cnt: UInt64, _ nsecs: UInt64) -> JSON {
    ["name": .string(name), "cnt": .unsigned(cnt), "nsecs": .unsigned(nsecs), "misses": .null]
  }

  @Test func ratesAreOfTheTimeBetweenTheSamples() throws {
    let first = sample([stats("lab", 100, 5000)], at: 10)
    let second = sample([stats("lab", 150, 30_000)], at: 12.5)
    let lab = try #require(second.objects(after: first).first)
    #expect(lab.rates["cnt"] == 20 && lab.rates["nsecs"] == 10_000)
    #expect(lab.nsPerCall == 500)
    #expect(lab.rates["misses"] == nil)
  }

  @Test func theFirstSampleHasNoRates() throws {
    let first = sample([stats("lab", 100, 5000)], at: 10)
    #expect(try #require(first.objects(after: nil).first).rates.isEmpty)
    #expect(first.json(after: nil)["interval"] == .null)
  }

  @Test func anObjectThatIsNewHasNoRatesYet() throws {
    let first = sample([stats("lab", 1, 1)], at: 1)
    let second = sample([stats("lab", 2, 2), stats("late", 9, 9)], at: 2)
    let late = try #require(second.objects(after: first).last)
    #expect(late.name == "late" && late.rates.isEmpty && late.nsPerCall == nil)
  }

  @Test func aProgramThatCameInThePlaceOfAnotherHasNoRatesYet() throws {
    func numbered(_ id: UInt64, _ cnt: UInt64) -> JSON {
      ["name": "lab", "id": .unsigned(id), "cnt": .unsigned(cnt)]
    }
    let first = sample([numbered(5, 100)], at: 1)
    let same = try #require(sample([numbered(5, 110)], at: 2).objects(after: first).first)
    #expect(same.rates["cnt"] == 10)
    let other = try #require(sample([numbered(6, 3)], at: 2).objects(after: first).first)
    #expect(other.name == "lab" && other.rates.isEmpty)
  }

  @Test func aProgramWithoutANameIsKnownByItsNumber() {
    let values = AnswerValues([["name": "", "id": .unsigned(5)]], by: .key("name"))
    #expect(values.objects == ["id 5"])
  }

  @Test func programsThatHaveGoneAreNamed() {
    let first = sample([stats("lab", 1, 1), stats("gone", 1, 1)], at: 1)
    let second = sample([stats("lab", 2, 2)], at: 2)
    #expect(second.json(after: first)["gone"] == ["gone"])
    #expect(second.json(after: nil)["gone"] == [])
    let rows = WatchTable(.programs).rows(
      second.objects(after: first), gone: second.gone(since: first), isFirst: false)
    #expect(rows.note == "(gone: gone)")
  }

  @Test func countersThatBeganAgainFall() throws {
    let first = sample([stats("lab", 100, 100)], at: 1)
    let lab = try #require(sample([stats("lab", 1, 1)], at: 2).objects(after: first).first)
    #expect(lab.rates["cnt"] == -99 && lab.nsPerCall == nil)
  }

  @Test func programsThatRunStandInTheTableByTheirShareOfACPU() {
    let table = WatchTable(.programs)
    let first = sample([stats("idle", 3, 3), stats("a", 0, 0), stats("b", 0, 0)], at: 0)
    let second = sample([stats("idle", 3, 3), stats("a", 10, 1000), stats("b", 5, 5000)], at: 1)
    #expect(table.rows(first.objects(after: nil), isFirst: true).lines().count == 1)
    let lines = table.rows(second.objects(after: first), isFirst: false).lines()
    #expect(lines.dropFirst().map { $0.prefix { $0 != " " } } == ["b", "a", "(1"])
    // Who ran once stays, with a rate of 0.
    let third = sample([stats("idle", 3, 3), stats("a", 10, 1000), stats("b", 5, 5000)], at: 2)
    let rest = table.rows(third.objects(after: second), isFirst: false).lines()
    #expect(rest.count == 4 && rest[1].contains(" 0.0 "))
  }

  @Test func theHeadingStandsWhereNoProgramHasRun() {
    let table = WatchTable(.programs)
    let first = sample([stats("idle", 3, 3)], at: 0)
    _ = table.rows(first.objects(after: nil), isFirst: true)
    let second = sample([stats("idle", 3, 3)], at: 1)
    let lines = table.rows(second.objects(after: first), isFirst: false).lines()
    #expect(lines.count == 2 && lines[0].hasPrefix("PROGRAM ") && lines[1].hasPrefix("(1 "))
  }

  @Test func whatIsGoneIsForgotten() {
    let table = WatchTable(.programs)
    var previous = sample([stats("p0", 0, 0), stats("p1", 0, 0)], at: 0)
    for step in 1...300 {
      let names = ["p\(step)", "p\(step + 1)"]
      let next = sample(
        .array(names.map { stats($0, UInt64(step), UInt64(step)) }), at: Double(step))
      _ = table.rows(next.objects(after: previous), isFirst: false).lines()
      previous = next
    }
    #expect(table.rowsKept <= 2)
  }

  @Test func openMetricsHasNumbersOnlyAndAnEnd() {
    let text = OpenMetrics(sample([stats("a\"b\\c\n", 7, 9)], at: 0)).text
    let lines = text.split(separator: "\n")
    #expect(lines.contains(#"guestscope_value{object="a\"b\\c�",key="cnt"} 7"#))
    #expect(!text.contains("key=\"name\"") && !text.contains("misses"))
    #expect(lines.last == "# EOF" && text.hasSuffix("\n"))
    let state = OpenMetrics(
      sample([["name": "scx", "enabled": .bool(true), "aborting": .bool(false)]], at: 0))
    #expect(state.text.contains(#"key="enabled"} 1"#) && state.text.contains(#"key="aborting"} 0"#))
  }

  /// As a `double` of a guest's map may be.
  @Test func aNumberThatIsNotFiniteIsLeftOutAndHasNoBar() {
    let table = WatchTable(.everything)
    var previous: WatchSample?
    for (time, value) in [1, .infinity, .nan, 2, 4].enumerated() {
      let next = sample([["name": "load", "value": .number(value)]], at: Double(time))
      let objects = next.objects(after: previous)
      #expect(!table.rows(objects, isFirst: previous == nil).lines().isEmpty)
      #expect(OpenMetrics(next).text.contains("key=\"value\"") == value.isFinite)
      previous = next
    }
  }

  @Test func openMetricsOfSeveralGuestsSayWhichOneItIs() {
    let text = OpenMetrics(sample([stats("lab", 7, 9)], at: 0), guest: "we\"b").text
    let lines = text.split(separator: "\n")
    #expect(lines.contains(#"guestscope_value{guest="we\"b",object="lab",key="cnt"} 7"#))
    #expect(lines.contains { $0.hasPrefix(#"guestscope_pause_seconds{guest="we\"b"} "#) })
  }
}
