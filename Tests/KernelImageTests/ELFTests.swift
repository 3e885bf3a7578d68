import GuestScopeBytes
import GuestScopeKernelImage
import TestSupport
import Testing

@Suite struct ELFTests {
  @Test func headersAreRead() throws {
    let builder = ELFBuilder.kernel()
    let elf = try ELFFile(builder.bytes)
    #expect(elf.machine == 62)
    #expect(
      elf.sections.map(\.name) == ["", ".text", ".rodata", ".notes", ".BTF", ".shstrtab"])
    #expect(try elf.contents(of: ".BTF") == ELFBuilder.btf)
    #expect(try elf.contents(of: ".missing") == nil)
    #expect(elf.segments.map(\.virtualAddress) == [KallsymsBuilder.text])
    #expect(try elf.symbols() == nil)
  }

  @Test func symbolsAreSortedAndFiltered() throws {
    var builder = ELFBuilder.kernel()
    let (function, data, section, file): (UInt8, UInt8, UInt8, UInt8) = (0x12, 0x01, 3, 4)
    builder.addSymbols([
      ("last", function, 1, 0xffff_ffff_8100_0200), ("$x", 0, 1, 0xffff_ffff_8100_0000),
      ("", section, 1, 0xffff_ffff_8100_0000), ("file.c", file, 0xfff1, 0),
      ("undefined", function, 0, 0), ("first", function, 1, 0xffff_ffff_8100_0000),
      ("datum", data, 2, 0xffff_ffff_8200_0000), ("percpu", data, 0xfff1, 0x40),
      ("weak", 0x22, 1, 0xffff_ffff_8100_0100),
    ])
    let symbols = try #require(try ELFFile(builder.bytes).symbols())
    #expect(symbols.map(\.name) == ["percpu", "first", "weak", "last", "datum"])
    #expect(symbols.map(\.type) == ["a", "T", "W", "T", "r"])
    #expect(symbols.address(of: "datum") == 0xffff_ffff_8200_0000)
    #expect(symbols.map(\.isAbsolute) == [true, false, false, false, false])
  }

  @Test func otherFilesAreRefused() {
    #expect(throws: KernelImageError.Reason.notAKernel) { try ELFFile([]) }
    #expect(throws: KernelImageError.Reason.notAKernel) { try ELFFile(Array("#!/bin/sh".utf8)) }
    var bytes = ELFBuilder.kernel().bytes
    bytes[4] = 1
    #expect(throws: KernelImageError.Reason.not64BitLittleEndian) { try ELFFile(bytes) }
    #expect(throws: KernelImageError.Reason.outside("the ELF header", offset: 0)) {
      try ELFFile(Array(ELFBuilder.kernel().bytes[..<63]))
    }
  }

  @Test func aTruncatedFileSaysWhatIsMissing() throws {
    let bytes = ELFBuilder.kernel().bytes
    let offset = Int(try #require(bytes.u64(at: 40)))
    #expect(throws: KernelImageError.Reason.outside("section headers", offset: offset)) {
      try ELFFile(Array(bytes.dropLast(1)))
    }
  }

  // MARK: Files that other tools made

  private static let types = Arm64ImageTests.types
  private static let address = KallsymsBuilder.text + 0x10_0000

  /// A kernel with symbols for its BTF, which lies in `.rodata` between zeros.
  private func builder(_ btf: [UInt8], symbols: [(String, UInt64)]) -> ELFBuilder {
    var contents = Array((ELFBuilder.banner + "\n").utf8)
    contents += [UInt8](repeating: 0, count: 4096 - contents.count) + btf
    contents += [UInt8](repeating: 0, count: 64)
    var builder = ELFBuilder(sections: [
      .init(name: ".kernel", address: Self.address, contents: contents)
    ])
    builder.addSymbols(
      ([("linux_banner", Self.address)] + symbols).map { ($0.0, 0x11, 1, $0.1) })
    return builder
  }

  @Test func btfIsFoundByItsSymbolsOrByItsHeader() throws {
    let plain = builder(Self.types, symbols: [])
    let first = Self.address + 4096
    let symbols = [("__start_BTF", first), ("__stop_BTF", first + UInt64(Self.types.count))]
    for var builder in [plain, builder(Self.types, symbols: symbols)] {
      #expect(try KernelFacts(bytes: builder.bytes, name: "x").btf == SharedBytes(Self.types))
      builder.hasProgramHeaders = false
      #expect(try KernelFacts(bytes: builder.bytes, name: "x").btf == SharedBytes(Self.types))
    }
    var stripped = ELFBuilder(sections: [plain.sections[0]])
    stripped.hasSectionHeaders = false
    #expect(try KernelFacts(bytes: stripped.bytes, name: "x").btf == SharedBytes(Self.types))
    // A program that is built into the kernel has less of it.
    var larger = Self.types
    larger[20] += 8
    larger += [UInt8](repeating: 0, count: 8)
    #expect(
      try KernelFacts(
        bytes: builder(Self.types + [0, 0, 0] + larger, symbols: []).bytes, name: "x"
      )
      .btf == SharedBytes(larger))
  }

  @Test func whatIsKnownOfAKernelWithoutBTF() throws {
    func absence(_ builder: ELFBuilder) throws -> KernelImageError.Reason? {
      let image = try KernelFacts(bytes: builder.bytes, name: "x")
      return #expect(throws: KernelImageError.self) { try image.types() }?.reason
    }
    let first = Self.address + 4096
    let zeros = [UInt8](repeating: 0, count: 60)
    let symbols = [("__start_BTF", first), ("__stop_BTF", first + 60)]
    #expect(try absence(builder(zeros, symbols: symbols)) == .noBTF(.removed))
    #expect(try absence(builder(zeros, symbols: [])) == .noBTF(.neverBuilt))
    // As `objcopy --only-keep-debug` leaves them: sections of no contents, and symbols.
    var half = builder([], symbols: symbols)
    half.sections[0].type = 8
    half.sections.append(
      .init(name: ".BTF", type: 8, address: Self.address + 0x20_0000, contents: []))
    #expect(try absence(half) == .noBTF(.removed))
    // Functions only.
    var functions = builder(zeros, symbols: [])
    functions.sections.removeLast(2)
    functions.addSymbols([("do_exit", 0x12, 1, Self.address)])
    #expect(try absence(functions) == .noBTF(.unknown))
  }

  @Test func mutatedFilesNeverCrash() {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed of mutatedFilesNeverCrash: \(seed)")
    var random = SplitMix(state: seed)
    var builder = ELFBuilder(sections: [
      .init(name: ".text", flags: 6, address: KallsymsBuilder.text, contents: [1, 2, 3])
    ])
    builder.addSymbols([("a", 0x12, 1, 1), ("b", 0x12, 1, 2)])
    let small = Array(repeating: builder.bytes, count: 2000)
    // Ones with tables to search, wherever their headers say that those are.
    let large = KallsymsBuilder.Layout.allCases.flatMap {
      Array(repeating: ELFBuilder.kernel($0).bytes, count: 40)
    }
    for good in small + large {
      let headers = Int(good.u64(at: 40) ?? 0)
      var bytes = good
      for _ in 0..<3 {
        let at =
          Bool.random(using: &random)
          ? Int.random(in: 4..<120, using: &random)
          : Int.random(in: headers..<bytes.count, using: &random)
        bytes[at] = [0, 1, 0x7f, 0xff, .random(in: .min ... .max, using: &random)].randomElement(
          using: &random)!
      }
      guard let elf = try? ELFFile(bytes) else { continue }
      _ = try? elf.symbols()
      for section in elf.sections { _ = try? elf.contents(of: section.name) }
      _ = try? KernelFacts(bytes: bytes, name: "x")
    }
  }

  /// The case that a mutation hits too rarely: tables that would begin before address 0.
  @Test func tablesBeyondTheAddressSpaceAreNone() throws {
    var rodata = [UInt8](repeating: 0, count: 2048)
    rodata.replaceSubrange(2020..<2024, with: [1, 0, 0, 0])
    rodata.append(littleEndian: 0 as UInt64)
    rodata.append(littleEndian: 1000 as UInt64)
    #expect(KallsymsTables.search(MemoryRegion(rodata, address: 0)).tables == nil)
  }

  @Test func buildIDs() {
    #expect(gnuBuildID(inNotes: ELFBuilder.notes) == ELFBuilder.buildID)
    #expect(gnuBuildID(inNotes: Array(ELFBuilder.notes.dropLast())) == nil)
    #expect(gnuBuildID(inNotes: Array(ELFBuilder.notes.prefix(20))) == nil)
    #expect(gnuBuildID(inNotes: [UInt8](repeating: 0xff, count: 64)) == nil)
    #expect(gnuBuildID(inNotes: []) == nil)
  }
}
