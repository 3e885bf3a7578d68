import Testing

@testable import Commands

/// Sets of CPUs as text.
@Suite struct RangesTests {
  @Test(arguments: [
    ([], ""), ([0], "0"), ([0, 1, 2, 3, 5], "0-3,5"), ([1, 3, 5], "1,3,5"),
    ([62, 63, 64], "62-64"),
  ])
  func neighboursMakeRanges(cpus: [Int], text: String) { #expect(cpus.ranges == text) }
}
