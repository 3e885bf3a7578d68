import Testing

@testable import Commands

@Suite struct ComparisonTests {
  private func program(_ name: String, _ cnt: UInt64, id: UInt64 = 0, type: String = "kprobe")
    -> JSON
  {
    ["id": .unsigned(id), "type": .string(type), "name": .string(name), "cnt": .unsigned(cnt)]
  }

  private func compare(_ old: JSON, _ new: JSON) -> Comparison {
    Comparison(AnswerValues(old), AnswerValues(new))
  }

  private func row(_ comparison: Comparison, _ object: String, _ path: String) -> Comparison.Row? {
    comparison.rows.first { $0.place == .init(object: object, path: path) }
  }

  @Test func theOrderOfObjectsDoesNotMatter() {
    let (a, b) = (program("a", 1, id: 3), program("b", 2, id: 4))
    #expect(!compare([a, b], [b, a]).isChanged)
  }

  @Test func equalNamesArePairedByAscendingIDs() throws {
    let old: JSON = [program("x", 10, id: 7), program("x", 20, id: 9)]
    // Loaded once more: other ids, in another order.
    let new: JSON = [program("x", 25, id: 31), program("x", 11, id: 30)]
    let comparison = compare(old, new)
    #expect(try #require(row(comparison, "x (kprobe)", "cnt")).delta == .unsigned(1))
    #expect(try #require(row(comparison, "x (kprobe) #2", "cnt")).delta == .unsigned(5))
    #expect(comparison.alone.isEmpty)
  }

  @Test func aCPUIsTheSameWhateverRunsOnIt() throws {
    func queues(_ tasks: [JSON], _ counts: [UInt64]) -> JSON {
      [
        "cpus": .array(
          zip(tasks, counts).enumerated().map { index, it in
            ["cpu": JSON(index), "comm": it.0, "count": .unsigned(it.1)]
          }),
        "pressure": [["resource": "io", "share": "full", "total_ns": .unsigned(counts[0])]],
      ]
    }
    let comparison = compare(queues(["a", "b"], [1, 10]), queues(["b", "a"], [2, 20]))
    #expect(comparison.alone.isEmpty)
    #expect(try #require(row(comparison, "cpus 1", "count")).delta == .unsigned(10))
    #expect(try #require(row(comparison, "pressure io full", "total_ns")).delta == .unsigned(1))
  }

  @Test func answersToDifferentQuestionsHaveNothingInCommon() {
    #expect(compare([program("x", 1)], [["name": "map", "size": .unsigned(3)]]).hasNothingInCommon)
    #expect(!compare([program("x", 1)], [program("x", 2), program("y", 1)]).hasNothingInCommon)
    #expect(!compare([], [program("x", 1)]).hasNothingInCommon)
  }

  @Test func oneNameOfTwoTypesIsTwoObjects() {
    let comparison = compare([program("x", 1)], [program("x", 1, type: "xdp")])
    #expect(comparison.alone.map(\.object) == ["x (kprobe)", "x (xdp)"])
    #expect(comparison.alone.map(\.isOld) == [true, false] && comparison.isChanged)
  }

  @Test func wholeNumbersAreExact() throws {
    let comparison = compare(
      ["big": .unsigned(.max), "fell": .unsigned(9), "zero": .unsigned(0)],
      ["big": .unsigned(.max - 1), "fell": .unsigned(2), "zero": .unsigned(3)])
    let big = try #require(row(comparison, "", "big"))
    #expect(big.delta == .signed(-1) && big.isChanged)
    let fell = try #require(row(comparison, "", "fell"))
    #expect(fell.delta == .signed(-7) && fell.percent.map { abs($0 + 77.8) < 0.1 } == true)
    #expect(try #require(row(comparison, "", "zero")).percent == nil)
  }

  @Test func aNumberIsTheSameInAnyFormOfIt() {
    #expect(!compare(["n": .unsigned(3)], ["n": .signed(3)]).isChanged)
    #expect(!compare(["n": .unsigned(3)], ["n": .number(3)]).isChanged)
    #expect(compare(["n": .unsigned(3)], ["n": "3"]).isChanged)
  }

  @Test func valuesThatOneSideLacksAreChanges() throws {
    let comparison = compare([program("x", 1)], [program("x", 1).adding(["more": .unsigned(1)])])
    let more = try #require(row(comparison, "x (kprobe)", "more"))
    #expect(more.isChanged && more.old == .null && more.delta == nil)
    #expect(compare([program("x", 1).adding(["more": .unsigned(1)])], [program("x", 1)]).isChanged)
  }

  @Test func listsWithinObjectsArePairedAsWell() throws {
    func stats(_ cpus: [(UInt64, UInt64)]) -> JSON {
      [
        [
          "name": "x",
          "per_cpu": .array(cpus.map { ["cpu": .unsigned($0.0), "cnt": .unsigned($0.1)] }),
        ]
      ]
    }
    let comparison = compare(stats([(0, 5), (2, 7)]), stats([(2, 8), (0, 5)]))
    #expect(comparison.rows.filter(\.isChanged).map(\.place.path) == ["per_cpu[cpu 2].cnt"])
  }

  @Test func theListsOfAReportAreSections() {
    let old: JSON = ["schema": "single", "prog_runtime_stats": [program("x", 1)], "maps": []]
    let new: JSON = ["schema": "single", "prog_runtime_stats": [program("x", 4)], "maps": []]
    let changed = compare(old, new).rows.filter(\.isChanged)
    #expect(changed.map(\.place) == [.init(object: "prog_runtime_stats x (kprobe)", path: "cnt")])
  }

  @Test func anotherKeyMaySayWhatIsTheSame() {
    let (a, b) = (program("a", 1, id: 3), program("b", 1, id: 3))
    let comparison = Comparison(
      AnswerValues([a], by: .key("id")), AnswerValues([b], by: .key("id")))
    #expect(comparison.alone.isEmpty)
    #expect(comparison.rows.filter(\.isChanged).map(\.place) == [.init(object: "3", path: "name")])
  }

  @Test func anythingIsComparedWithAnything() {
    let documents: [JSON] = [
      .null, [], [:], [[]], [[:]], [.null, [:]], ["a": [.null]], ["a": [["b": [["c": []]]]]],
      [["name": ""], ["name": .null]], [["name": [:]]], .unsigned(1), "text",
    ]
    for old in documents {
      for new in documents {
        let comparison = compare(old, new)
        if old == new { #expect(!comparison.isChanged, "\(old)") }
      }
    }
  }
}
