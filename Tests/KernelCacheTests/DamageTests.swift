import Foundation
import GuestScopeBytes
import Testing

@testable import GuestScopeKernelCache
@testable import GuestScopeKernelImage

/// Files that are not as they were written: refused with a sentence, and replaced.
@Suite struct DamageTests {
  let sample: CacheSample
  let good: [UInt8]

  init() throws {
    sample = try CacheSample()
    sample.cache().store(CacheSample.facts())
    good = try sample.contents(sample.kernelFile)
  }

  /// What a new process finds, and what it says of it.
  private func find(_ bytes: [UInt8]) throws -> (facts: KernelFacts?, notices: [String]) {
    try sample.write(bytes, sample.kernelFile)
    let cache = sample.cache()
    let facts = cache.facts(buildID: CacheSample.buildID)
    // Once a run.
    _ = cache.facts(buildID: CacheSample.buildID)
    return (facts, sample.takeNotices())
  }

  @Test func everyDamagedByteIsNoticed() throws {
    for at in good.indices {
      var bytes = good
      bytes[at] ^= UInt8.random(in: 1...255)
      let found = try find(bytes)
      #expect(found.facts == nil && found.notices.count == 1, "byte \(at)")
    }
    #expect(summary(try find(good).facts) == summary(CacheSample.facts()))
  }

  @Test func everyTruncationIsNoticed() throws {
    for length in good.indices {
      let found = try find(Array(good[..<length]))
      #expect(found.facts == nil && found.notices.count == 1, "\(length) bytes")
    }
    #expect(try find(good + [0]).facts == nil)
  }

  @Test func sentencesSayWhatIsWrong() throws {
    let file = sample.kernelFile
    let ignored = "; it is ignored, and written again"
    var newer = good
    newer[8] = 200
    #expect(
      try find(newer).notices == [
        "\(file) was written by a newer guestscope (format 200, this one reads \(good[8]))\(ignored)"
      ])
    var other = good
    (other[8], other[11]) = (0, good[8])
    #expect(
      try find(other).notices == [
        "\(file) was written on a machine of another byte order\(ignored)"
      ])
    #expect(
      try find(Array("#!/bin/sh\necho another program's file\n".utf8)).notices == [
        "\(file) is not a cache file of guestscope\(ignored)"
      ])
    var damaged = good
    damaged[good.count - 1] ^= 1
    #expect(
      try find(damaged).notices == [
        "\(file) is damaged: its checksum is not that of its contents\(ignored)"
      ])
  }

  @Test func theNextStoreMendsIt() throws {
    #expect(try find([1, 2, 3]).facts == nil)
    sample.cache().store(CacheSample.facts())
    #expect(try sample.contents(sample.kernelFile) == good)
  }

  @Test func aFileOfAnotherKindOrKernelIsRefused() throws {
    sample.cache().store(SharedBytes([1]), named: "guest")
    let guest = try #require(try sample.files().first { $0.hasPrefix("guests/") })
    #expect(try find(sample.contents(sample.folder + "/" + guest)).facts == nil)
    // Whole, but under another kernel's name.
    let other = [UInt8](repeating: 9, count: 20)
    try sample.write(good, sample.folder + "/kernels/" + other.hex)
    #expect(sample.cache().facts(buildID: other) == nil)
  }

  /// What a checksum cannot show: contents that are wrong by intent, or by a fault of ours.
  @Test func wrongContentsWithAGoodChecksumNeverCrash() throws {
    let contents = SharedBytes(Array(good.dropFirst(CacheFile.headerSize)))
    for at in contents.indices {
      for value in [0, 0x7f, 0xff, contents[at] &+ 1] as Set<UInt8> {
        var bytes = Array(contents)
        bytes[at] = value
        let damaged = SharedBytes(bytes)
        let file = Array(CacheFile.header(.kernel, damaged)) + bytes
        try sample.write(file, sample.kernelFile)
        guard let facts = sample.cache().facts(buildID: CacheSample.buildID) else { continue }
        _ = summary(facts)
        guard let symbols = try? facts.symbols else { continue }
        _ = symbols.matching(glob: "*i*")
        _ = symbols.nearest(to: CacheSample.base + 20)
        _ = symbols.names(prefix: "t")
      }
    }
  }
}
