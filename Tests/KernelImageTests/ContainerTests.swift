import GuestScopeBytes
import GuestScopeKernelImage
import TestSupport
import Testing

@Suite struct ContainerTests {
  static let filters = ["gzip", "xz", "zstd", "lz4", "bzip2", "lzma"]
  static let kernel = ELFBuilder.kernel().bytes

  private func check(_ image: KernelFacts) throws {
    #expect(image.architecture == .x86)
    #expect(image.origin.kind == (image.origin.name == "vmlinux" ? .vmlinux : .vmlinuz))
    #expect(image.banner == ELFBuilder.banner)
    #expect(image.release == "6.1.0-test")
    #expect(image.buildID == ELFBuilder.buildID)
    #expect(image.btf == SharedBytes(ELFBuilder.btf))
    #expect(image.baseAddress == KallsymsBuilder.text)
    #expect(try image.symbols.address(of: "prog_idr") == KallsymsBuilder.text + 0x100_1000)
  }

  private func reason(_ bytes: [UInt8]) -> KernelImageError.Reason? {
    do {
      _ = try KernelFacts(bytes: bytes, name: "vmlinuz")
      return nil
    } catch {
      #expect(error.name == "vmlinuz")
      #expect(error.description.contains("vmlinuz"))
      return error.reason
    }
  }

  @Test(arguments: KallsymsBuilder.Layout.allCases)
  func strippedELF(layout: KallsymsBuilder.Layout) throws {
    try check(KernelFacts(bytes: ELFBuilder.kernel(layout).bytes, name: "vmlinux"))
  }

  @Test func withoutSectionHeadersTheSegmentsAreSearched() throws {
    var builder = ELFBuilder.kernel()
    // The builder's segments are contiguous in the file, so their addresses must be as well.
    builder.sections = [builder.sections[1]]
    builder.hasSectionHeaders = false
    let image = try KernelFacts(bytes: builder.bytes, name: "vmlinux")
    #expect(image.banner == ELFBuilder.banner)
    #expect(image.btf == nil)
    #expect(try image.symbols.address(of: "_text") == KallsymsBuilder.text)
  }

  @Test func symtabComesBeforeKallsyms() throws {
    var builder = ELFBuilder.kernel()
    builder.addSymbols([
      ("only", 0x12, 1, KallsymsBuilder.text + 4),
      ("linux_banner", 0x11, 2, KallsymsBuilder.text + 0x100_0000 + 40 * 1024),
    ])
    let image = try KernelFacts(bytes: builder.bytes, name: "vmlinux")
    #expect(try image.symbols.map(\.name) == ["only", "linux_banner"])
    #expect(image.banner == ELFBuilder.banner)
  }

  @Test(arguments: filters)
  func bzImages(filter: String) throws {
    let payload = compressed(Self.kernel, filter)
    // The size behind a gzip stream is its own.
    let file = bzImage(payload, size: Self.kernel.count, appendsSize: filter != "gzip")
    try check(KernelFacts(bytes: file, name: "vmlinuz"))
  }

  @Test func bzImageWithLegacyLZ4() throws {
    let payload = legacyLZ4(Self.kernel, blockSize: 10_000)
    try check(KernelFacts(bytes: bzImage(payload, size: Self.kernel.count), name: "vmlinuz"))
  }

  @Test(arguments: filters)
  func zbootImages(filter: String) throws {
    let payload = compressed(Self.kernel, filter)
    let file = zboot(payload, size: Self.kernel.count, appendsSize: filter != "gzip")
    try check(KernelFacts(bytes: file, name: "vmlinuz.efi"))
  }

  @Test(arguments: filters)
  func filesCompressedAsAWhole(filter: String) throws {
    try check(KernelFacts(bytes: compressed(Self.kernel, filter), name: "vmlinux.\(filter)"))
    let nested = bzImage(compressed(Self.kernel, "zstd"), size: Self.kernel.count)
    try check(KernelFacts(bytes: compressed(nested, filter), name: "vmlinuz.\(filter)"))
  }

  @Test func unifiedKernelImages() throws {
    let bzImage = bzImage(compressed(Self.kernel, "zstd"), size: Self.kernel.count)
    let zboot = zboot(compressed(Self.kernel, "gzip"), size: Self.kernel.count, appendsSize: false)
    for inner in [bzImage, zboot, Self.kernel, compressed(zboot, "xz")] {
      let file = peFile(".linux", inner)
      try check(KernelFacts(bytes: file, name: "linux.efi"))
      try check(KernelFacts(bytes: compressed(file, "gzip"), name: "vmlinuz"))
      try check(KernelFacts(bytes: peFile(".linux", inner, virtualSize: 0), name: "linux.efi"))
    }
    // A kernel with the EFI stub is a PE file itself.
    var stub = bzImage
    stub.replaceSubrange(0..<0x100, with: peFile(".setup", []).prefix(0x100))
    try check(KernelFacts(bytes: stub, name: "vmlinuz"))
    let file = peFile(".linux", bzImage)
    #expect(
      reason(Array(file.prefix(2000))) == .truncated(size: 2000, needed: 1024 + bzImage.count))
    #expect(reason(peFile(".linux", [1, 2, 3])) == .notAKernel)
    #expect(reason(peFile(".linux2", bzImage)) == .notAKernel)
  }

  @Test func imagesOfUBoot() throws {
    try check(KernelFacts(bytes: uImage(compressed(Self.kernel, "gzip")), name: "uImage"))
    try check(KernelFacts(bytes: uImage(Self.kernel, type: 14), name: "uImage"))
    let file = uImage(Self.kernel)
    #expect(
      reason(Array(file.prefix(100))) == .truncated(size: 100, needed: 64 + Self.kernel.count))
    #expect(reason(uImage(Self.kernel, type: 4)) == .notAKernelOfUBoot(type: 4))
    let fit: [UInt8] = [0xd0, 0x0d, 0xfe, 0xed, 0, 0, 1, 0]
    #expect(reason(fit) == .fit)
    #expect(reason(compressed(fit, "gzip")) == .fit)
    #expect(KernelImageError(name: "/x", reason: .fit).description.contains("FIT image of U-Boot"))
  }

  @Test func headersOfBootLoadersMayBeDamaged() {
    let seed = UInt64.random(in: 0 ... .max)
    print("seed of headersOfBootLoadersMayBeDamaged: \(seed)")
    var random = SplitMix(state: seed)
    for good in [peFile(".linux", Self.kernel), uImage(Self.kernel)] {
      for _ in 0..<2000 {
        var bytes = Array(good.prefix(4096))
        for _ in 0..<3 {
          bytes[Int.random(in: 4..<512, using: &random)] =
            [0, 1, 0x7f, 0xff, .random(in: .min ... .max, using: &random)]
            .randomElement(using: &random)!
        }
        _ = try? KernelFacts(bytes: bytes, name: "x")
      }
    }
  }

  @Test func aTruncatedBzImageSaysWhere() {
    let file = bzImage(compressed(Self.kernel, "xz"), size: Self.kernel.count)
    let cut = Array(file.prefix(3000))
    #expect(reason(cut) == .truncated(size: 3000, needed: file.count - 100))
    #expect(
      KernelImageError(name: "/tmp/x", reason: .truncated(size: 3000, needed: 5000)).description
        == "/tmp/x: the file ends at byte 3000 inside the kernel that it holds (5000 expected): "
        + "it is truncated; fetch it again")
  }

  @Test(arguments: filters)
  func damagedAndTruncatedStreams(filter: String) throws {
    let stream = compressed(Self.kernel, filter)
    guard
      case .badStream(_, let format, let offset) = reason(Array(stream.dropLast(stream.count / 2)))
    else {
      Issue.record("truncated \(filter) was read")
      return
    }
    #expect(format == filter)
    #expect(offset <= stream.count)
    #expect(reason(bzImage(stream.dropLast(200), size: Self.kernel.count)) != nil)
  }

  @Test func theStoredSizeIsChecked() {
    let stream = compressed(Self.kernel, "zstd")
    let size = Self.kernel.count
    #expect(reason(bzImage(stream, size: size + 1)) == .wrongSize(size, stored: size + 1))
    #expect(reason(bzImage(stream, size: size - 1)) == .wrongSize(size, stored: size - 1))
    #expect(reason(bzImage(stream, size: 2 << 30)) == .tooBig(limit: 1 << 30))
  }

  @Test func expandingStopsBehindTheStoredSize() {
    let zeros = compressed([UInt8](repeating: 0, count: 64 << 20), "zstd")
    guard case .wrongSize(let size, stored: 1000) = reason(bzImage(zeros, size: 1000)) else {
      Issue.record("64 MiB were taken for 1000 bytes")
      return
    }
    #expect(size < 1 << 20)
  }

  @Test func whatIsNoKernel() {
    #expect(reason([]) == .notAKernel)
    #expect(reason([1, 2, 3]) == .notAKernel)
    #expect(reason(compressed(Array("just text".utf8), "gzip")) == .notAKernel)
    #expect(
      reason(bzImage([1, 2, 3, 4, 5, 6, 7, 8], size: 8))
        == .unsupportedCompression("unknown magic 01020304"))
    #expect(
      reason(bzImage([0x89, 0x4c, 0x5a, 0x4f, 0, 0], size: 8)) == .unsupportedCompression("lzo"))
    var foreign = ELFBuilder.kernel()
    foreign.machine = 243
    #expect(reason(foreign.bytes) == .wrongMachine(243))
    #expect(
      KernelImageError(name: "/tmp/x", reason: .notAKernel).description
        == "/tmp/x is not a kernel: neither vmlinux (ELF), bzImage, arm64 Image nor a unified kernel "
        + "image (EFI with a .linux section); give the guest's vmlinux or vmlinuz")
  }

  @Test func symbolsAndTypesMayBeMissing() throws {
    var builder = ELFBuilder.kernel()
    builder.sections.remove(at: 3)
    builder.sections[1].contents.removeLast(20_000)
    let image = try KernelFacts(bytes: builder.bytes, name: "vmlinux")
    #expect(image.btf == nil)
    #expect(throws: KernelImageError(name: "vmlinux", reason: .noSymbols)) { try image.symbols }
    #expect(throws: KernelImageError(name: "vmlinux", reason: .noBTF(.unknown))) {
      try image.types()
    }
    #expect(image.release == "6.1.0-test")
  }

  @Test func unreadableFiles() {
    #expect(throws: KernelImageError(name: "/nonexistent/vmlinuz", reason: .unreadable(errno: 2))) {
      try KernelFacts(path: "/nonexistent/vmlinuz")
    }
    #expect(throws: KernelImageError(name: "/", reason: .unreadable(errno: 21))) {
      try KernelFacts(path: "/")
    }
  }
}
