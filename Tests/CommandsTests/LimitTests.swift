import Testing

@testable import Commands

@Suite struct LimitTests {
  private func stats(_ name: String, _ cnt: UInt64, _ nsecs: UInt64, misses: UInt64? = 0) -> JSON {
    [
      "name": .string(name), "cnt": .unsigned(cnt), "nsecs": .unsigned(nsecs),
      "misses": JSON(misses),
    ]
  }

  private func verdicts(
    _ answer: JSON, of objects: Limit.Objects = .all, _ key: String, _ bounds: Limit.Bounds,
    baseline: JSON? = nil, countsRuns: Bool = true
  ) -> [CheckResult] {
    Limit(question: .stats, objects: objects, key: key, bounds: bounds).verdicts(
      on: AnswerValues(answer.withMeasures),
      baseline: baseline.map { AnswerValues($0.withMeasures) }, countsRuns: countsRuns)
  }

  @Test func aLimitItselfIsKept() {
    let answer: JSON = [stats("a", 10, 1000), stats("b", 10, 1001)]
    let found = verdicts(answer, "ns_per_call", .init(most: 100))
    #expect(found.map(\.outcome) == [.kept, .broken])
    #expect(found[1].object == "b" && found[1].value == .number(100.1))
    #expect(verdicts(answer, "cnt", .init(least: 10)).map(\.outcome) == [.kept, .kept])
    #expect(verdicts(answer, "cnt", .init(least: 11)).map(\.outcome) == [.broken, .broken])
  }

  @Test func aChangeCountsOnlyBeyondBothOfItsLimits() {
    let old: JSON = [stats("a", 10, 10_000)]
    func outcome(_ nsecs: UInt64, _ bounds: Limit.Bounds) -> [CheckResult.Outcome] {
      verdicts([stats("a", 10, nsecs)], "ns_per_call", bounds, baseline: old).map(\.outcome)
    }
    // 1000 ns a call: 10 percent are 100.
    let both = Limit.Bounds(tolerance: 10, absolute: 200)
    #expect(outcome(11_500, both) == [.kept])
    #expect(outcome(12_000, both) == [.kept])
    #expect(outcome(12_010, both) == [.broken])
    #expect(outcome(11_010, .init(tolerance: 10)) == [.broken])
    #expect(outcome(10_600, .init(absolute: 50)) == [.broken])
    // Less is never too much.
    #expect(outcome(10, both) == [.kept])
    // Two limits of one number are two verdicts.
    #expect(outcome(12_010, .init(most: 5000, tolerance: 10, absolute: 200)) == [.kept, .broken])
  }

  @Test func aTaskThatIsNotStuckKeepsItsLimit() {
    func tasks(_ waits: [UInt64?]) -> JSON {
      .array(
        waits.enumerated().map { index, wait in
          ["name": .string("task\(index)"), "stuck_ns": JSON(wait)]
        })
    }
    let found = verdicts(tasks([nil, 50]), "stuck_ns", .init(most: 10))
    #expect(found.map(\.outcome) == [.kept, .broken])
  }

  @Test func namesAreShellPatternsWithOrWithoutTypes() {
    let answer: JSON = [
      ["name": "reno", "type": "kprobe", "cnt": .unsigned(1)],
      ["name": "reno", "type": "xdp", "cnt": .unsigned(1)],
      ["name": "bbr", "type": "xdp", "cnt": .unsigned(1)],
    ]
    func objects(_ pattern: String) -> [String] {
      verdicts(answer, of: .named(pattern), "cnt", .init(most: 0)).map(\.object)
    }
    #expect(objects("re*") == ["reno (kprobe)", "reno (xdp)"])
    #expect(objects("*(xdp)") == ["reno (xdp)", "bbr (xdp)"])
    #expect(objects("bbr") == ["bbr (xdp)"])
  }

  @Test func whatCannotBeMeasuredIsNeitherKeptNorBroken() {
    let answer: JSON = [stats("a", 0, 0), stats("b", 1, 1, misses: nil)]
    func evidence(_ found: [CheckResult]) -> [String] {
      found.filter { $0.outcome == .unknown }.map(\.evidence)
    }
    #expect(
      evidence(verdicts(answer, of: .named("c"), "cnt", .init(most: 1)))
        == ["there is nothing of this name"])
    #expect(
      evidence(verdicts(answer, of: .named("a"), "no", .init(most: 1))) == ["it has no number no"])
    #expect(
      evidence(verdicts(answer, of: .named("a"), "name", .init(most: 1)))
        == ["it is not a number, but a"])
    #expect(
      evidence(verdicts(answer, "miss_rate", .init(most: 1))) == ["this kernel does not keep it"])
    let off = evidence(verdicts(answer, "ns_per_call", .init(most: 1), countsRuns: false))
    #expect(off == ["it has not run while the guest counted: bpf_stats_enabled is 0"])
    // While the guest counts, no run is an answer.
    #expect(evidence(verdicts(answer, "ns_per_call", .init(most: 1))) == [])
    #expect(
      verdicts(answer, "ns_per_call", .init(most: 1)).map(\.limit) == [.unsigned(1), .unsigned(1)])
    #expect(evidence(verdicts(answer, "cnt", .init(tolerance: 1))).count == 2)
    #expect(
      evidence(verdicts(answer, "cnt", .init(tolerance: 1), baseline: [stats("a", 0, 0)]))
        == ["the baseline has no such number"])
  }

  /// Misses are always counted: without runs beside them they would be a rate of 1.
  @Test func missesWithoutRunsAreNotARate() {
    let answer: JSON = [stats("a", 0, 0, misses: 3), stats("b", 0, 0)]
    let off = verdicts(answer, "miss_rate", .init(most: 0.5), countsRuns: false)
    #expect(off.map(\.outcome) == [.unknown, .kept])
    #expect(verdicts(answer, "miss_rate", .init(most: 0.5)).map(\.outcome) == [.broken, .kept])
  }

  @Test func aBaselineMayHaveTypesWhereTheAnswerHasNone() {
    func typed(_ type: JSON, _ cnt: UInt64) -> JSON {
      ["name": "a", "type": type, "id": .unsigned(cnt), "cnt": .unsigned(cnt)]
    }
    let bounds = Limit.Bounds(absolute: 5)
    func outcomes(_ baseline: JSON) -> [CheckResult.Outcome] {
      verdicts([stats("a", 20, 0)], "cnt", bounds, baseline: baseline).map(\.outcome)
    }
    #expect(outcomes([typed("xdp", 10)]) == [.broken])
    #expect(outcomes([typed("xdp", 16)]) == [.kept])
    // Which of two it was is not known.
    #expect(outcomes([typed("xdp", 10), typed("kprobe", 11)]) == [.unknown])
  }

  @Test func anAnswerThatLacksSomethingKeepsNoLimitForSure() {
    let found = CheckResult.lacking(
      ["2 programs unreadable", "program 3: …", "program 4: …"], in: "prog_stats")
    #expect(found.map(\.evidence) == ["2 programs unreadable"] && found.status == 4)
    #expect(CheckResult.lacking([], in: "prog_stats").isEmpty)
  }

  @Test func brokenOutranksUnknown() {
    func verdict(_ outcome: CheckResult.Outcome) -> CheckResult {
      CheckResult(check: "x", outcome: outcome, evidence: "")
    }
    #expect([verdict(.kept)].status == 0)
    #expect([verdict(.kept), verdict(.unknown)].status == 4)
    #expect([verdict(.unknown), verdict(.broken), verdict(.kept)].status == 3)
    #expect(Status.worse(3, 4) == 3 && Status.worse(4, 2) == 4 && Status.worse(1, 3) == 1)
  }

  @Test func measuresFollowFromTheNumbersOfPrograms() {
    let list: JSON = [
      "run_cnt": .unsigned(4), "run_time_ns": .unsigned(10), "recursion_misses": .unsigned(1),
    ]
    let measured = JSON.array([list]).withMeasures
    guard case .array(let elements) = measured else { return }
    #expect(elements[0]["ns_per_call"] == .number(2.5))
    #expect(elements[0]["miss_rate"] == .number(0.2))
  }
}
