import Testing

@testable import Commands

@Suite struct FruitlessPartsTests {
  private func areTooMany(_ parts: [(entries: Int, unreadable: Int)]) -> Bool {
    var fruitless = FruitlessParts()
    return parts.contains { part in
      fruitless.add(entries: part.entries, unreadable: part.unreadable)
      return fruitless.areTooMany
    }
  }

  @Test func sixteenInARowOfWhichNothingCanBeReadAreTooMany() {
    #expect(areTooMany(Array(repeating: (0, 1), count: 16)))
    #expect(!areTooMany(Array(repeating: (0, 1), count: 15)))
  }

  /// Most buckets of a large hash may be empty, and some of a map that changes unreadable.
  @Test func emptyPartsAndThoseWithAnEntryAreNot() {
    #expect(!areTooMany(Array(repeating: (0, 0), count: 1000)))
    #expect(!areTooMany(Array(repeating: (1, 200), count: 1000)))
    let most = Array(repeating: (0, 1), count: 15)
    #expect(!areTooMany(most + [(0, 0)] + most + [(1, 1)] + most))
  }
}
