import GuestScopeBytes

/// Guest physical memory as far as it is known, in 8-byte words.
///
/// A class: a guide of many pages is not copied for each pass that looks at it.
final class PageCache {
  static let pageSize = 4096
  private static let wordsPerPage = pageSize / 8
  private static let masksPerPage = wordsPerPage / 64

  // Arrays are appended as one block, also where nothing is optimised.
  private static let emptyPage = [UInt8](repeating: 0, count: pageSize)
  private static let emptyMasks = [UInt64](repeating: 0, count: masksPerPage)

  private var slots: [UInt64: Int] = [:]
  private var contents: [UInt8] = []
  /// A bit a word that is known, eight masks a page.
  private var known: [UInt64] = []
  private var absences: [UInt64: Absence] = [:]
  // Walkers read an object's members one after the other: most reads hit the last page again.
  private var lastPage = UInt64.max
  private var lastSlot = 0

  var pageCount: Int { slots.count }

  private func slot(of page: UInt64) -> Int? {
    if page == lastPage { return lastSlot }
    guard let slot = slots[page] else { return nil }
    (lastPage, lastSlot) = (page, slot)
    return slot
  }

  private func knows(slot: Int, words: Range<Int>) -> Bool {
    let masks = slot * Self.masksPerPage
    var word = words.lowerBound
    while word < words.upperBound {
      let end = min(words.upperBound, (word / 64 + 1) * 64)
      let mask = Self.mask(word % 64, count: end - word)
      if known[masks + word / 64] & mask != mask { return false }
      word = end
    }
    return true
  }

  private static func mask(_ first: Int, count: Int) -> UInt64 {
    (count == 64 ? .max : (1 << UInt64(count)) - 1) << UInt64(first)
  }

  /// What is known of a stretch that does not cross a page border.
  enum Lookup {
    case known(offset: Int)
    case unknown
    case absent(Absence)
  }

  func find(_ address: UInt64, count: Int) -> Lookup {
    let page = address >> 12
    let start = Int(address & 0xfff)
    if let slot = slot(of: page), knows(slot: slot, words: start / 8..<(start + count + 7) / 8) {
      return .known(offset: slot * Self.pageSize + start)
    }
    if !absences.isEmpty, let absence = absences[page] { return .absent(absence) }
    return .unknown
  }

  /// Loads an integer at an offset that `find` gave.
  func load<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, at offset: Int) -> T {
    contents.load(T.self, at: offset)!
  }

  func bytes(at offset: Int, count: Int) -> ArraySlice<UInt8> {
    contents[offset..<offset + count]
  }

  /// True when all of a range is known.
  func knows(_ range: PhysicalRange) -> Bool {
    var done = 0
    while done < range.count {
      let start = (range.start + done).rawValue
      let count = min(range.count - done, Self.pageSize - Int(start & 0xfff))
      guard case .known = find(start, count: count) else { return false }
      done += count
    }
    return true
  }

  /// All of a range, with zeros for what is not known.
  func bytes(of range: PhysicalRange) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count)
    while bytes.count < range.count {
      let address = (range.start + bytes.count).rawValue
      let start = Int(address & 0xfff)
      let count = min(range.count - bytes.count, Self.pageSize - start)
      if let slot = slot(of: address >> 12) {
        bytes += self.bytes(at: slot * Self.pageSize + start, count: count)
      } else {
        bytes += repeatElement(0, count: count)
      }
    }
    return bytes
  }

  /// Puts whole words into the cache, over what was known before.
  func store(_ bytes: [UInt8], at start: PhysicalAddress) {
    var done = 0
    while done + 8 <= bytes.count {
      let address = start.rawValue &+ UInt64(done)
      let inPage = Int(address & 0xfff)
      let count = min(bytes.count - done, Self.pageSize - inPage) & ~7
      let slot = makeSlot(for: address >> 12)
      let offset = slot * Self.pageSize + inPage
      contents.replaceSubrange(offset..<offset + count, with: bytes[done..<done + count])
      var word = inPage / 8
      let end = word + count / 8
      while word < end {
        let stop = min(end, (word / 64 + 1) * 64)
        known[slot * Self.masksPerPage + word / 64] |= Self.mask(word % 64, count: stop - word)
        word = stop
      }
      done += count
    }
  }

  /// Remembers that the pages of a range could not be read.
  func store(_ absence: Absence, for range: PhysicalRange) {
    let first = range.start.rawValue >> 12
    let last = (range.start.rawValue &+ UInt64(max(range.count, 1) - 1)) >> 12
    guard first <= last else { return }
    for page in first...last { absences[page] = absence }
  }

  /// Absences are of the moment; bytes may at least guide the next discovery.
  func forgetAbsences() { absences = [:] }

  private func makeSlot(for page: UInt64) -> Int {
    if let slot = slot(of: page) { return slot }
    let slot = slots.count
    slots[page] = slot
    contents += Self.emptyPage
    known += Self.emptyMasks
    return slot
  }
}
