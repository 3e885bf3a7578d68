import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelImage

/// Why the guest's kernel could not be found or read.
public enum KernelError: Error, Sendable, CustomStringConvertible {
  /// The guest runs no kernel yet, or none that this program knows; the text says which.
  case noKernel(String)
  /// The file is not the guest's kernel.
  case wrongFile(file: String, fileBanner: String?, guestBanner: String?)
  /// The guest's kernel was found, and its memory does not say enough of it.
  case inMemory(ImageFault, release: String?)
  case noVCPU(Int, known: [Int])
  case symbolNotFound(String, file: String)
  /// As above, of a kernel whose kallsyms has functions only.
  case dataSymbolNotFound(String, file: String)
  case ambiguousSymbol(AmbiguousSymbol, file: String)
  /// A variable of the kernel image is in no RAM.
  case unreadableVariable(String)
  case btf(BTFError)
  case image(KernelImageError)
  case snapshot(SnapshotError)

  public var description: String {
    switch self {
    case .noKernel(let what): what
    case .wrongFile(let file, let fileBanner, let guestBanner):
      "\(file) is not this guest's kernel: the file is \(fileBanner?.kernelName ?? "unknown"), the "
        + "guest runs \(guestBanner?.kernelName ?? "another one"); give the guest's own vmlinuz or "
        + "vmlinux with -k"
    case .inMemory(let fault, let release):
      "the guest runs Linux\(release.map { " " + $0 } ?? ""), but \(fault); give its vmlinuz or "
        + "vmlinux with -k"
    case .noVCPU(let cpu, let known):
      "the guest has no vCPU \(cpu)"
        + (known.isEmpty
          ? " whose registers can be read"
          : ": its vCPUs are " + known.map(String.init).joined(separator: ", "))
    case .symbolNotFound(let symbol, let file):
      "\(file) has no symbol \(symbol): the kernel was built without it, or not all of its symbols are "
        + "there; give a vmlinux with a symbol table with -k"
    case .dataSymbolNotFound(let symbol, let file):
      "\(file) has no symbol \(symbol): its kernel keeps the names of functions only "
        + "(CONFIG_KALLSYMS_ALL=n), and neither its exports nor its code say it for sure; give a "
        + "vmlinux with a symbol table with -k"
    case .ambiguousSymbol(let symbol, let file):
      "\(file) has \(symbol.candidates.joined(separator: " and ")), and which of them is the "
        + "kernel's \(symbol.name) is not known; sym, read and print take the full names"
    case .unreadableVariable(let name):
      "cannot read \(name) in the guest's kernel image: it is damaged, or the guest is booting"
    case .btf(let error): error.description
    case .image(let error): error.description
    case .snapshot(let error): error.description
    }
  }
}

extension String {
  /// `Linux 6.1.0-50-cloud-amd64 (#1 SMP … Debian 6.1.176-1 (2026-07-02))` of a banner.
  fileprivate var kernelName: String {
    guard let release = kernelRelease else { return self }
    let version = firstIndex(of: "#").map { " (" + self[$0...] + ")" } ?? ""
    return "Linux " + release + version
  }
}

extension SnapshotEngine {
  /// Looks around in memory; the failure is a kernel's.
  func find<T>(
    _ walk: @escaping (MemoryView) throws(ReadFault) -> T
  ) throws(KernelError) -> T {
    do { return try explore(walk) } catch { throw .snapshot(error) }
  }
}

extension KernelError {
  static let booting = KernelError.noKernel(
    "the guest is booting, and its kernel has not set itself up yet: try again soon, or give the kernel's "
      + "file with -k, with which it is found as soon as its scheduler runs (a kernel with rodata=off on "
      + "its command line always needs -k)")

  /// True for what this kernel was built without, or does not show: it is not the guest that is damaged.
  public var isOfAnotherConfiguration: Bool {
    if case .snapshot(.unreadable(let cause)) = self, case .lacking = cause.reason {
      true
    } else {
      false
    }
  }

  /// True when a later look may find the kernel: the guest is in firmware, boots, or was just reset.
  public var isTransient: Bool {
    switch self {
    case .noKernel, .unreadableVariable: true
    // It may have been reset while its memory was read.
    case .inMemory(.damagedSymbolTable, _), .inMemory(.damagedTypes, _): true
    case .inMemory: false
    case .snapshot(let error): error.isTransient
    case .wrongFile, .noVCPU, .symbolNotFound, .dataSymbolNotFound, .ambiguousSymbol, .btf, .image:
      false
    }
  }

  /// True when the guest runs another kernel, or another boot of it, than was found before.
  public var isAnotherKernel: Bool {
    if case .snapshot(let error) = self { error.isOfAnotherKernel } else { false }
  }
}

extension SnapshotError {
  var isOfAnotherKernel: Bool {
    if case .kernelChanged = self { true } else { false }
  }
}
