import Foundation
import GuestScopeKernelImage
import Testing

@testable import Commands

/// The recipes on every kernel `$GUESTSCOPE_GUESTS/arm64-*/vmlinuz`.
@Suite struct RealRecipeTests {
  static let files: [String] = {
    let folder = ProcessInfo.processInfo.environment["GUESTSCOPE_GUESTS"] ?? ""
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().filter { $0.hasPrefix("arm64-") }.map { "\(folder)/\($0)/vmlinuz" }
      .filter(FileManager.default.fileExists(atPath:))
  }()

  @Test(
    .enabled(if: !files.isEmpty, "set GUESTSCOPE_GUESTS to a folder of kernels"), arguments: files)
  func eachRecipeFindsAVariableOfItsOwn(path: String) throws {
    let facts = try KernelFacts(path: path)
    let before = try facts.symbols
    let after = try facts.adding(Session.symbolRecipes).symbols
    if before.address(of: "linux_banner") != nil {
      #expect(after.count == before.count)
      return
    }
    let found = Session.symbolRecipes.compactMap { after.address(of: $0.symbol) }
    #expect(found.count == Session.symbolRecipes.count)
    #expect(Set(found).count == found.count)
    #expect(after.count == before.count + found.count)
  }
}
