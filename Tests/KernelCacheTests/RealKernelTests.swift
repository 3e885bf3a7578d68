import Foundation
import Testing

@testable import GuestScopeKernelCache
@testable import GuestScopeKernelImage

/// Every kernel file `$GUESTSCOPE_GUESTS/*/vmlinuz`, through the cache.
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["GUESTSCOPE_GUESTS"] != nil,
    "set GUESTSCOPE_GUESTS to a folder of kernels, each as NAME/vmlinuz"))
struct RealKernelTests {
  static let files: [String] = {
    guard let folder = ProcessInfo.processInfo.environment["GUESTSCOPE_GUESTS"] else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().map { "\(folder)/\($0)/vmlinuz" }
      .filter(FileManager.default.fileExists(atPath:))
  }()

  @Test(arguments: files)
  func theCacheSaysWhatTheFileSays(path: String) throws {
    let sample = try CacheSample()
    let read = try KernelFacts(path: path)
    let file = try #require(FileIdentity(path: path))
    sample.cache().store(read, of: file)
    let found = try #require(sample.cache().facts(of: file))
    #expect(found.origin == read.origin.kept)
    #expect(found.banner == read.banner && found.buildID == read.buildID)
    #expect(found.btf == read.btf && found.baseAddress == read.baseAddress)
    #expect(found.searchedSymbols == read.searchedSymbols)
    let (symbols, expected) = (try found.symbols.slid(by: 4096), try read.symbols.slid(by: 4096))
    #expect(symbols.elementsEqual(expected))
    for symbol in expected.prefix(20_000) {
      #expect(symbols.address(of: symbol.name) == expected.address(of: symbol.name))
    }
    let (types, expectedTypes) = (try found.types(), try read.types())
    #expect(types.endID == expectedTypes.endID)
    #expect(types.storedIndex == expectedTypes.storedIndex)
    #expect(
      try types.requiredField("aux", of: "bpf_prog")
        == expectedTypes.requiredField("aux", of: "bpf_prog"))
    #expect(sample.notices == [])
  }
}
