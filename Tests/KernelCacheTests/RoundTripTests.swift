import Foundation
import GuestScopeBytes
import Testing

@testable import GuestScopeKernelCache
@testable import GuestScopeKernelImage

@Suite struct RoundTripTests {
  let sample: CacheSample

  init() throws { sample = try CacheSample() }

  @Test func factsComeBackByBuildID() throws {
    let facts = CacheSample.facts("/boot/vmlinuz")
    sample.cache().store(facts)
    let found = try #require(sample.cache().facts(buildID: CacheSample.buildID))
    #expect(summary(found) == summary(facts))
    #expect(found.origin == facts.origin.kept)
    let other = [UInt8](repeating: 9, count: 20)
    #expect(sample.cache().facts(buildID: other) == nil)
    #expect(sample.notices == [])
  }

  @Test func whatIsNotKnownComesBackSo() throws {
    let bare = KernelFacts(
      origin: .init(name: "Image", kind: .image), architecture: .arm64, banner: nil,
      notes: CacheSample.facts().buildIDNote.map { note in
        (note.address, [4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 71, 78, 85, 0, 1, 2, 3, 4])
      }, btf: nil, baseAddress: 5, symbols: nil)
    sample.cache().store(bare)
    let found = try #require(sample.cache().facts(buildID: [1, 2, 3, 4]))
    #expect(summary(found) == summary(bare))
    #expect(throws: KernelImageError(name: "Image", reason: .noSymbols)) { try found.symbols }
    #expect(throws: KernelImageError(name: "Image", reason: .noBTF(.unknown))) {
      try found.types()
    }
  }

  @Test func aKernelWithoutBuildIDIsNotKept() throws {
    sample.cache().store(CacheSample.facts(buildID: []))
    #expect(!FileManager.default.fileExists(atPath: sample.folder))
  }

  @Test func aFileIsKnownUntilItChanges() throws {
    let path = sample.folder + "-kernel"
    try sample.write([1, 2, 3], path)
    usleep(40_000)
    let file = try #require(FileIdentity(path: path))
    #expect(sample.cache().facts(of: file) == nil)
    sample.cache().store(CacheSample.facts("as given"), of: file)
    let again = try #require(FileIdentity(path: path))
    let found = try #require(sample.cache().facts(of: again))
    #expect(found.origin == .init(name: path, kind: .vmlinuz, isKept: true))
    #expect(summary(found) == summary(CacheSample.facts()))
    // The same size, and the time that it had.
    try sample.write([1, 2, 4], path)
    sample.setAge(path, seconds: 1000)
    #expect(sample.cache().facts(of: try #require(FileIdentity(path: path))) == nil)
    #expect(FileIdentity(path: sample.folder + "-absent") == nil)
    #expect(FileIdentity(path: "/dev/null") == nil)
    #expect(sample.notices == [])
  }

  @Test func aFileThatHasJustChangedIsNotKept() throws {
    let path = sample.folder + "-kernel"
    try sample.write([1], path)
    let fresh = try #require(FileIdentity(path: path))
    sample.cache().store(CacheSample.facts(), of: fresh)
    #expect(sample.cache().facts(of: fresh) == nil)
    // It changes while it is read.
    usleep(40_000)
    let old = try #require(FileIdentity(path: path))
    try sample.write([2], path)
    sample.cache().store(CacheSample.facts(), of: old)
    #expect(sample.cache().facts(of: old) == nil)
  }

  @Test func aFileWithLessOfTheSameKernelHasItsOwnFacts() throws {
    let (full, stripped) = (sample.folder + "-full", sample.folder + "-stripped")
    try sample.write([1], full)
    try sample.write([2], stripped)
    usleep(40_000)
    let file = try #require(FileIdentity(path: full))
    sample.cache().store(CacheSample.facts(), of: file)
    let less = CacheSample.facts(release: "6.1.0-less")
    sample.cache().store(less, of: try #require(FileIdentity(path: stripped)))
    #expect(sample.cache().facts(of: file) == nil)
    #expect(
      sample.cache().facts(of: try #require(FileIdentity(path: stripped)))?.release == "6.1.0-less")
    // Another copy, with the same in it, is not another kernel.
    sample.cache().store(CacheSample.facts("a copy"))
    #expect(sample.cache().facts(of: file)?.release == "6.1.0-sample")
  }

  @Test func recordsComeBackByName() throws {
    let cache = sample.cache()
    #expect(cache.record(named: "localhost:1234") == nil)
    cache.store(SharedBytes([1, 2, 3]), named: "localhost:1234")
    cache.store(SharedBytes(), named: "unix:/run/gdb/../a b")
    #expect(sample.cache().record(named: "localhost:1234") == SharedBytes([1, 2, 3]))
    #expect(sample.cache().record(named: "unix:/run/gdb/../a b") == SharedBytes())
    cache.store(SharedBytes([4]), named: "localhost:1234")
    #expect(sample.cache().record(named: "localhost:1234") == SharedBytes([4]))
  }

  @Test func notesSayWhereABuildIDIs() throws {
    #expect(sample.cache().notes().isEmpty)
    let facts = CacheSample.facts()
    sample.cache().store(facts)
    let note = try #require(sample.cache().notes().first)
    #expect(note.architecture == .x86 && note.buildID == CacheSample.buildID)
    // `_text` is where the code begins: there is no `_stext`.
    #expect(note.distances == [0x1000])
    #expect(note.count == facts.buildIDNote?.count)
  }

  @Test func theListSaysWhatIsThere() throws {
    #expect(try sample.cache().list().kernels.isEmpty)
    #expect(try sample.cache().clear().files == 0)
    sample.cache().store(CacheSample.facts())
    let other = [UInt8](repeating: 9, count: 20)
    sample.cache().store(CacheSample.facts(buildID: other))
    sample.cache().store(SharedBytes([1]), named: ":1234")
    sample.setAge(sample.kernelFile, seconds: 7200)
    let contents = try sample.cache().list()
    #expect(contents.kernels.map(\.facts.buildID) == [other, CacheSample.buildID])
    #expect(contents.kernels[1].lastUsed <= time(nil) - 7200)
    #expect(contents.guests.map(\.name) == [":1234"])
    // Two kernels with their notes, and a record.
    #expect(contents.bytes == 5 * 4096)
    #expect(try sample.cache().clear().files == 5)
    #expect(try sample.files() == [])
    #expect(try sample.cache().list().bytes == 0)
  }

  @Test func whatIsMappedOutlivesItsFile() throws {
    sample.cache().store(CacheSample.facts())
    let found = try #require(sample.cache().facts(buildID: CacheSample.buildID))
    _ = try sample.cache().clear()
    #expect(summary(found) == summary(CacheSample.facts()))
  }
}
