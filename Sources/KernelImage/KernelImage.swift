import GuestScopeBTF
import GuestScopeBytes

/// What a kernel file says about the guest that runs it: release, build-id, symbols and types, all
/// at link addresses.
public struct KernelImage: Sendable {
  public enum Architecture: String, Sendable {
    case x86 = "x86_64"
    case arm64
  }

  /// What kind of file it is, and so where symbols and types come from.
  public enum Kind: String, Sendable {
    /// ELF.
    case vmlinux
    /// For a boot loader, compressed as a rule: bzImage, EFI zboot, a unified kernel image.
    case vmlinuz
    /// An arm64 Image as it lies in memory.
    case image = "Image"
  }

  /// The file's name as the user gave it.
  public let name: String
  public private(set) var kind = Kind.vmlinux
  public let architecture: Architecture
  /// The text of `linux_banner`, "Linux version 6.1.0-13-amd64 (…) …" without the newline; nil when
  /// it was not found.
  public let banner: String?
  /// The descriptor of the `NT_GNU_BUILD_ID` note, 20 bytes in practice.
  public let buildID: [UInt8]?
  /// Where a running kernel has notes with the build-id among them: link address and bytes.
  public let buildIDNote: (address: UInt64, count: Int)?
  /// The contents of `.BTF`; nil when they are not in the file.
  public let btf: [UInt8]?
  /// The link address of the image's first byte, `_text`: a running kernel is this much plus its
  /// KASLR offset away.
  public let baseAddress: UInt64
  private let foundSymbols: KernelSymbols?

  /// What `uname -r` prints in the guest.
  public var release: String? {
    banner.flatMap { $0.split(separator: " ").dropFirst(2).first.map(String.init) }
  }

  /// The symbols at link addresses, of `.symtab` or else of kallsyms.
  public var symbols: KernelSymbols {
    get throws(KernelImageError) {
      guard let foundSymbols else { throw KernelImageError(name: name, reason: .noSymbols) }
      return foundSymbols
    }
  }

  /// The types of `btf`.
  public func types() throws(KernelImageError) -> BTF {
    guard let btf else { throw KernelImageError(name: name, reason: .noBTF(btfAbsence)) }
    do {
      return try BTF(btf)
    } catch {
      throw KernelImageError(name: name, reason: .badBTF(error))
    }
  }

  /// Why there is no `btf`.
  private var btfAbsence: KernelImageError.BTFAbsence {
    // include/asm-generic/vmlinux.lds.h has this symbol with CONFIG_DEBUG_INFO_BTF only;
    // `linux_banner` is in every kernel, but not in a list of functions (CONFIG_KALLSYMS_ALL=n).
    if foundSymbols?.address(of: "__start_BTF") != nil { return .removed }
    return foundSymbols?.address(of: "linux_banner") != nil ? .neverBuilt : .unknown
  }

  /// Reads a vmlinux (ELF), vmlinuz (bzImage, EFI zboot), arm64 Image or unified kernel image, also
  /// one that is compressed as a whole.
  public init(path: String) throws(KernelImageError) {
    do {
      try self.init(file: OpenFile(path: path), name: path)
    } catch {
      throw KernelImageError(name: path, reason: error)
    }
  }

  /// Reads the bytes of such a file; `name` is what errors call it.
  public init(bytes: [UInt8], name: String) throws(KernelImageError) {
    do {
      try self.init(wrapped: bytes, name: name)
    } catch {
      throw KernelImageError(name: name, reason: error)
    }
  }

  private init(file: OpenFile, name: String) throws(KernelImageError.Reason) {
    let magic = try file.read(0..<min(ELFFile.magic.count, file.size))
    if magic == ELFFile.magic {
      try self.init(ELFFile(.disk(file)), name: name)
    } else {
      let limit = KernelContainer.maxSize
      guard file.size <= limit else { throw .tooBig(limit: limit) }
      try self.init(wrapped: file.read(0..<file.size), name: name)
    }
  }

  private init(wrapped file: [UInt8], name: String) throws(KernelImageError.Reason) {
    switch try KernelContainer(file) {
    case .elf(let bytes): try self.init(ELFFile(bytes), name: name)
    case .image(let bytes): self.init(arm64Image: bytes, name: name)
    }
    if !file.starts(with: ELFFile.magic) {
      kind = KernelContainer.isImage(file) ? .image : .vmlinuz
    }
  }

  init(
    name: String, architecture: Architecture, banner: String?,
    notes: (address: UInt64, bytes: [UInt8])?, btf: [UInt8]?, baseAddress: UInt64,
    symbols: KernelSymbols?
  ) {
    self.name = name
    self.architecture = architecture
    self.banner = banner
    buildID = notes.flatMap { gnuBuildID(inNotes: $0.bytes) }
    buildIDNote = buildID == nil ? nil : notes.map { ($0.address, $0.bytes.count) }
    self.btf = btf
    self.baseAddress = baseAddress
    foundSymbols = symbols
  }
}
