import GuestScopeBTF
import GuestScopeBytes

/// What is known of a kernel apart from any guest that runs it: release, build-id, symbols and
/// types, all at link addresses. A vmlinux, a vmlinuz and an arm64 Image each make one value of it.
public struct KernelFacts: Sendable {
  public enum Architecture: String, Sendable {
    case x86 = "x86_64"
    case arm64
  }

  /// Where symbols and types came from.
  public struct Origin: Hashable, Sendable {
    public enum Kind: String, Sendable {
      /// ELF.
      case vmlinux
      /// For a boot loader, compressed as a rule: bzImage, EFI zboot, a unified kernel image.
      case vmlinuz
      /// An arm64 Image as it lies in memory.
      case image = "Image"
      /// The memory of a guest that runs this kernel.
      case memory = "guest memory"
    }

    /// The file's name as the user gave it; `guest memory` for no file.
    public var name: String
    public var kind: Kind
    /// They were read in an earlier run, and kept.
    public var isKept: Bool

    public init(name: String, kind: Kind, isKept: Bool = false) {
      (self.name, self.kind, self.isKept) = (name, kind, isKept)
    }
  }

  public let origin: Origin
  public let architecture: Architecture
  /// The text of `linux_banner`, "Linux version 6.1.0-13-amd64 (…) …" without the newline; nil when
  /// it was not found.
  public let banner: String?
  /// The descriptor of the `NT_GNU_BUILD_ID` note, 20 bytes in practice.
  public let buildID: [UInt8]?
  /// Where a running kernel has notes with the build-id among them: link address and bytes.
  public let buildIDNote: (address: UInt64, count: Int)?
  /// The contents of `.BTF`; nil where they were not found.
  public let btf: SharedBytes?
  /// Where the types of `btf` are, where a cache has kept it.
  private let btfIndex: SharedBytes?
  /// The link address of the image's first byte, `_text`: a running kernel is this much plus its
  /// KASLR offset away.
  public let baseAddress: UInt64
  var knownSymbols: KernelSymbols?
  /// The image, where its own table of symbols has no data and recipes look for some; else nil.
  private(set) var imageToSearch: ImagePieces?
  /// What recipes have looked for in the image, found or not; nil where they need not look.
  package internal(set) var searchedSymbols: Set<String>?

  /// - Parameters:
  ///   - notes: those with the build-id among them, at their link address.
  ///   - symbols: at link addresses.
  ///   - imageToSearch: the image at its link address, for `adding`.
  public init(
    origin: Origin, architecture: Architecture, banner: String?,
    notes: (address: UInt64, bytes: [UInt8])?, btf: SharedBytes?, baseAddress: UInt64,
    symbols: KernelSymbols?, imageToSearch: ImagePieces? = nil
  ) {
    let buildID = notes.flatMap { gnuBuildID(inNotes: $0.bytes) }
    self.init(
      origin: origin, architecture: architecture, banner: banner, buildID: buildID,
      buildIDNote: buildID == nil ? nil : notes.map { ($0.address, $0.bytes.count) }, btf: btf,
      btfIndex: nil, baseAddress: baseAddress, symbols: symbols, imageToSearch: imageToSearch)
    searchedSymbols = imageToSearch == nil ? nil : []
  }

  init(
    origin: Origin, architecture: Architecture, banner: String?, buildID: [UInt8]?,
    buildIDNote: (address: UInt64, count: Int)?, btf: SharedBytes?, btfIndex: SharedBytes?,
    baseAddress: UInt64, symbols: KernelSymbols?, imageToSearch: ImagePieces? = nil
  ) {
    self.origin = origin
    self.architecture = architecture
    self.banner = banner
    self.buildID = buildID
    self.buildIDNote = buildIDNote
    self.btf = btf
    self.btfIndex = btfIndex
    self.baseAddress = baseAddress
    knownSymbols = symbols
    self.imageToSearch = imageToSearch
  }

  /// The same kernel with other symbols, and an image in which recipes look for more.
  package func with(symbols: KernelSymbols, imageToSearch: ImagePieces) -> KernelFacts {
    var facts = self
    (facts.knownSymbols, facts.imageToSearch) = (symbols, imageToSearch)
    facts.searchedSymbols = []
    return facts
  }

  /// What `uname -r` prints in the guest.
  public var release: String? { banner?.kernelRelease }

  /// The symbols at link addresses, of `.symtab` or else of kallsyms.
  public var symbols: KernelSymbols {
    get throws(KernelImageError) {
      guard let knownSymbols else {
        throw KernelImageError(name: origin.name, reason: .noSymbols)
      }
      return knownSymbols
    }
  }

  /// The types of `btf`.
  public func types() throws(KernelImageError) -> BTF {
    guard let btf else { throw KernelImageError(name: origin.name, reason: .noBTF(btfAbsence)) }
    do {
      if let btfIndex { return try BTF(btf, storedIndex: btfIndex) }
      return try BTF(btf)
    } catch {
      throw KernelImageError(name: origin.name, reason: .badBTF(error))
    }
  }

  /// Why there is no `btf`.
  private var btfAbsence: KernelImageError.BTFAbsence {
    // include/asm-generic/vmlinux.lds.h has this symbol with CONFIG_DEBUG_INFO_BTF only;
    // `linux_banner` is in every kernel, but not in a list of functions (CONFIG_KALLSYMS_ALL=n).
    if knownSymbols?.address(of: "__start_BTF") != nil { return .removed }
    return knownSymbols?.address(of: "linux_banner") != nil ? .neverBuilt : .unknown
  }
}

extension KernelFacts {
  /// How far the notes with the build-id may be from the first byte of the code, which begins with
  /// `_stext` or with the image.
  public var noteDistances: [UInt64] {
    guard let note = buildIDNote?.address else { return [] }
    let start = (try? symbols)?.address(of: "_stext") ?? baseAddress
    return start == baseAddress ? [note &- start] : [note &- start, note &- baseAddress]
  }
}
