import GuestScopeBTF
import GuestScopeBytes
import GuestScopeKernelImage
import TestSupport
import Testing

@testable import GuestScopeLinuxKernel

/// What the recipe for an idr takes for one: in the image of a file, and in a kernel that runs.
@Suite struct IDRRecipeTests {
  private static let address: UInt64 = 0xffff_8000_0920_0040

  /// - Parameter words: of 4 bytes each, from the start of the idr: lock, flags, head, base, next.
  private func passes(
    _ words: [UInt32], isRunning: Bool, at address: UInt64 = address,
    _ types: [UInt8]? = KernelTypes.kernel(.linux6).blob
  ) throws -> Bool {
    var bytes: [UInt8] = []
    for word in words { bytes.append(littleEndian: word) }
    let image = ImagePieces([MemoryRegion(bytes, address: address)], isRunning: isRunning)
    let recipe = IDR.recipe("prog_idr", functions: ["one", "two"])
    return recipe.check(address, image, try types.map { try BTF($0) })
  }

  private static let unused: [UInt32] = [0, 0x0800_0004, 0, 0, 0, 0]
  /// With 12 programs, while its lock is held.
  private static let used: [UInt32] = [1, 0x0800_0004, 0x1234_5002, 0xffff_0000, 1, 13]

  @Test func inAFileAllButTheFlagsIsZero() throws {
    #expect(try passes(Self.unused, isRunning: false))
    #expect(try !passes(Self.used, isRunning: false))
    #expect(try !passes([UInt32](repeating: 0, count: 6), isRunning: false))
  }

  @Test func inAKernelThatRunsTheFlagsDecide() throws {
    #expect(try passes(Self.unused, isRunning: true))
    #expect(try passes(Self.used, isRunning: true))
    for flags in [0, 4, 0x0c00_0004, 0x0800_0005] as [UInt32] {
      var words = Self.used
      words[1] = flags
      #expect(try !passes(words, isRunning: true), "\(flags.hex)")
    }
  }

  @Test func whatIsNotThereIsNone() throws {
    for isRunning in [false, true] {
      #expect(try !passes(Array(Self.unused.prefix(5)), isRunning: isRunning))
      #expect(try !passes(Self.unused, isRunning: isRunning, at: Self.address + 4))
      #expect(try !passes(Self.unused, isRunning: isRunning, nil))
      #expect(try !passes(Self.unused, isRunning: isRunning, BTFBuilder().blob))
    }
  }
}
