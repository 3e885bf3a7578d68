import GuestScopeBytes
import TestSupport
import Testing

@Suite struct NameIndexTests {
  private func read(_ words: [UInt32], entries: Int) -> NameIndex? {
    NameIndex(SharedWords(words).bytes, entries: entries)
  }

  private func hash(_ name: String) -> UInt32 { NameIndex.hash(Array(name.utf8).span.bytes) }

  @Test func everyEntryIsFoundInItsOrder() throws {
    // Nine entries have each name.
    let names = (0..<900).map { "name_\($0 % 100)" }
    let words = NameIndex.words(hashes: names.map { hash($0) })
    #expect(words.count == NameIndex.wordCount(entries: names.count))
    let index = try #require(read(words, entries: names.count))
    for name in Set(names) {
      let found = index.entries(hash: hash(name)).filter { names[$0] == name }
      #expect(found == names.indices.filter { names[$0] == name })
    }
    let longest = (0..<4096 as Range<UInt32>).map { Array(index.entries(hash: $0)).count }.max()
    #expect(try #require(longest) <= 9 * 6, "the hash spreads names badly")
  }

  @Test func anEntryWithoutAHashIsNotFound() throws {
    let index = try #require(read(NameIndex.words(hashes: [5, nil, 5]), entries: 3))
    #expect(Array(index.entries(hash: 5)) == [0, 2])
    #expect((0..<4).allSatisfy { !index.entries(hash: $0).contains(1) })
  }

  @Test func noEntries() throws {
    let index = try #require(read(NameIndex.words(hashes: []), entries: 0))
    #expect(Array(index.entries(hash: 0)) == [])
  }

  @Test func anIndexOfAnotherSizeIsRefused() {
    let words = NameIndex.words(hashes: [1, 2, 3])
    #expect(read(words + [0], entries: 3) == nil)
    #expect(read(words.dropLast(), entries: 3) == nil)
    #expect(read(words, entries: 4) == nil)
  }

  @Test func aHashIsOfAllBytes() {
    let names = ["", "a", "b", "ab", "ba", "abcdefgh", "abcdefgi", "abcdefgha", "abcdefgh\0"]
    #expect(Set(names.map(hash)).count == names.count)
  }

  @Test func damagedWordsEndAndStayInside() throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed of damagedWordsEndAndStayInside: \(seed)")
    var random = SplitMix(state: seed)
    let good = NameIndex.words(hashes: (0..<40).map { UInt32($0 * 7) })
    for _ in 0..<2000 {
      var words = good
      for _ in 0..<3 {
        let word = [0, 1, 41, 40, .max, UInt32.random(in: 0..<60, using: &random)]
          .randomElement(using: &random)!
        words[Int.random(in: words.indices, using: &random)] = word
      }
      let index = try #require(read(words, entries: 40))
      for hash in 0..<64 as Range<UInt32> {
        let entries = Array(index.entries(hash: hash))
        #expect(entries == entries.sorted() && entries.allSatisfy { (0..<40).contains($0) })
      }
    }
  }
}
