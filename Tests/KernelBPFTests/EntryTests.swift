import GuestScopeGuestMemory
import GuestScopeKernelBPF
import TestSupport
import Testing

/// What entries of some types of maps say.
@Suite struct EntryTests {
  // MARK: Bloom filters

  @Test(arguments: [1, 40, 400, 1500] as [UInt64])
  func aFilterSaysHowManyElementsItHas(elements: UInt64) throws {
    var random = SplitMix(state: 5)
    var bits = Set<UInt64>()
    for _ in 0..<elements * 5 { bits.insert(random.next() % 8192) }
    let fill = BloomFill(bits: 8192, set: UInt64(bits.count), hashes: 5)
    let estimate = try #require(fill.estimate)
    #expect(abs(Double(estimate) - Double(elements)) <= max(1, Double(elements) * 0.1))
    #expect((0...1).contains(fill.falsePositives))
  }

  @Test func aFilterWithoutAZeroSaysNothingOfItsElements() {
    #expect(BloomFill(bits: 64, set: 64, hashes: 5).estimate == nil)
    #expect(BloomFill(bits: 64, set: 0, hashes: 5).estimate == 0)
    #expect(BloomFill(bits: 64, set: 64, hashes: 5).falsePositives == 1)
  }

  // MARK: Stacks

  private func stacks(flags: UInt32) throws -> MapHead {
    let guest = ContentsGuest()
    guest.add(
      1, type: 7, value: 64, entries: 10, flags: flags,
      [264: word(16 as UInt32), 272: [UInt8](repeating: 0, count: 128)])
    return try #require(try guest.contents().value.first).map
  }

  @Test func aStackEndsBeforeItsZeros() throws {
    let bytes = word(0xffff_ffff_8100_0010 as UInt64) + word(0x55d0 as UInt64) + word(0 as UInt64)
    let entry = MapEntry(key: nil, .bytes(bytes + word(9 as UInt64)))
    let map = try stacks(flags: 0)
    #expect(entry.frames(in: map) == [.address(0xffff_ffff_8100_0010), .address(0x55d0)])
    #expect(MapEntry(key: nil, .bytes([])).frames(in: map) == [])
  }

  @Test func aFrameInAFileHasItsBuildID() throws {
    let id = [UInt8](1...20)
    let bytes =
      word(1 as UInt32) + id + word(0x1234 as UInt64) + word(2 as UInt32)
      + [UInt8](repeating: 0, count: 20) + word(0x7fff_1000 as UInt64)
      + [UInt8](repeating: 0, count: 32)
    let frames = MapEntry(key: nil, .bytes(bytes)).frames(in: try stacks(flags: 1 << 5))
    #expect(frames == [.file(buildID: id, offset: 0x1234), .address(0x7fff_1000)])
  }
}
