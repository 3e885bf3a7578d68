import Testing

@testable import Commands

@Suite struct BudgetTests {
  private func budget(_ text: String) throws -> Budget {
    try Budget(JSON(decoding: Array(text.utf8)))
  }

  private func error(_ text: String) -> String? {
    do {
      _ = try budget(text)
      return nil
    } catch { return "\(error)" }
  }

  @Test func sectionsAreCommands() throws {
    let limits = try budget(
      """
      {"prog_stats": {"lab*": {"ns_per_call": {"max": 5000, "tolerance": 10, "absolute": 50}}},
       "map_list": {"*": {"bytes_memlock": 4096}},
       "prog_stats id 3": {"*": {"cnt": 7}},
       "map lookup id 5 key 0": {"*": {"value": {"min": 1}}}}
      """
    ).limits
    let byName = Dictionary(uniqueKeysWithValues: limits.map { ($0.question.name, $0) })
    let stats = try #require(byName["prog_stats"])
    #expect(stats.question.words == ["prog", "stats", "type", "all"])
    #expect(stats.objects == .named("lab*") && stats.key == "ns_per_call")
    #expect(stats.bounds == .init(most: 5000, tolerance: 10, absolute: 50))
    #expect(byName["map_list"]?.bounds == .init(most: 4096))
    #expect(byName["map_list"]?.question.words == ["map", "list"])
    #expect(byName["prog_stats id 3"]?.question.words == ["prog", "stats", "id", "3"])
    #expect(byName["map lookup id 5 key 0"]?.question.words.count == 6)
  }

  /// Beside a maximum, which is judged.
  @Test func tolerancesThatAreNotJudgedAreARemark() throws {
    func remarks(_ bounds: String, hasBaseline: Bool) throws -> [String] {
      try budget("{\"prog_stats\": {\"*\": {\"cnt\": \(bounds)}}}").limits
        .remarks(hasBaseline: hasBaseline)
    }
    let both = #"{"max": 5, "tolerance": 10}"#
    #expect(try remarks(both, hasBaseline: false).first?.contains("no --baseline") == true)
    #expect(try remarks(both, hasBaseline: true).isEmpty)
    #expect(try remarks(#"{"max": 5}"#, hasBaseline: false).isEmpty)
    // It has a verdict of its own.
    #expect(try remarks(#"{"tolerance": 10}"#, hasBaseline: false).isEmpty)
  }

  @Test func aMistakeIsNamedWithItsPlace() {
    #expect(error("[]")?.contains("a budget is not an object") == true)
    #expect(error("{}") == "it has no limits")
    #expect(error(#"{"prog_stat": {"a": {"cnt": 1}}}"#)?.hasPrefix("'prog_stat' is not") == true)
    #expect(error(#"{"quit": {"a": {"cnt": 1}}}"#)?.hasPrefix("'quit' is not") == true)
    #expect(
      error(#"{"prog_stats": {"a": {"cnt": {"maxx": 1}}}}"#)?
        .hasPrefix("prog_stats.a.cnt has a 'maxx'") == true)
    #expect(
      error(#"{"prog_stats": {"a": {"cnt": {"max": "1"}}}}"#)
        == "prog_stats.a.cnt.max is not a number")
    #expect(
      error(#"{"prog_stats": {"a": {"cnt": {}}}}"#) == "prog_stats.a.cnt has no limit in it")
    #expect(
      error(#"{"prog_stats": {"a": {"cnt": {"tolerance": -1}}}}"#)?.contains("negative") == true)
  }

  private let verdicts = [
    CheckResult(
      check: "a.b", object: "x#1 <&\">", value: .unsigned(3), outcome: .kept, evidence: "ok"),
    CheckResult(
      check: "a.b", object: "y", value: .unsigned(9), limit: .unsigned(5), outcome: .broken,
      evidence: "more than its limit"),
    CheckResult(check: "c", outcome: .unknown, evidence: "off"),
  ]

  @Test func textHasALineForEachThatIsNotKept() {
    #expect(
      CheckResultFormat.text.lines(verdicts) == [
        "broken: a.b of y: 9 (limit 5): more than its limit", "not measurable: c: off",
      ])
  }

  @Test func numbersHaveNoMoreDigitsThanPeopleRead() {
    func reason(_ number: Double) -> String {
      CheckResult(check: "a", value: .number(number), outcome: .broken, evidence: "e").reason
    }
    #expect(reason(9467.215384615385) == "9467.2: e" && reason(0.029126) == "0.0291: e")
  }

  @Test func tapHasNoDirectivesOfNames() {
    #expect(
      CheckResultFormat.tap.lines(verdicts) == [
        "TAP version 13", "1..3", "ok 1 - a.b of xno. 1 <&\">", "# kept: 3: ok",
        "not ok 2 - a.b of y", "# broken: 9 (limit 5): more than its limit", "not ok 3 - c",
        "# unknown: off",
      ])
  }

  @Test func junitEscapesNames() {
    let lines = CheckResultFormat.junit.lines(verdicts)
    #expect(lines[1] == "<testsuites tests=\"3\" failures=\"1\" errors=\"1\">")
    #expect(lines[3].contains("name=\"a.b of x#1 &lt;&amp;&quot;&gt;\"/>"))
    #expect(lines[4].contains("<failure message=\"9 (limit 5): more than its limit\"/>"))
    #expect(lines[5].contains("<error message=\"off\"/>"))
  }
}
