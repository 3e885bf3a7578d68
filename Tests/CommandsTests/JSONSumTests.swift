import Testing

@testable import Commands

/// Sums over CPUs.
@Suite struct JSONSumTests {
  @Test func numbersOfOneFormAreAddedOneByOne() {
    let a: JSON = ["cnt": .unsigned(1), "errors": [.unsigned(2), .unsigned(3)]]
    let b: JSON = ["cnt": .unsigned(10), "errors": [.unsigned(20), .unsigned(30)]]
    #expect(a + b == ["cnt": .unsigned(11), "errors": [.unsigned(22), .unsigned(33)]])
    #expect(JSON.signed(-5) + .signed(3) == .signed(-2))
    #expect(JSON.unsigned(.max) + .unsigned(2) == .unsigned(1))
  }

  @Test func whatIsNotAllNumbersHasNoSum() {
    #expect((JSON.string("a") + .string("a")) == nil)
    #expect((["mood": "GOOD"] + ["mood": "GOOD"] as JSON?) == nil)
    #expect(([.unsigned(1)] + [.unsigned(1), .unsigned(2)] as JSON?) == nil)
    #expect((["a": .unsigned(1)] + ["b": .unsigned(1)] as JSON?) == nil)
    #expect(!JSON.array([]).isNumeric && !JSON.bool(true).isNumeric)
    #expect(!(["a": .unsigned(1), "b": .null] as JSON).isNumeric)
  }
}
