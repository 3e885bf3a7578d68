import GuestScopeBTF
import GuestScopeGuestMemory
import GuestScopeKernelImage

/// The kernel of one boot of a guest: where it is, what its symbols and types are.
///
/// All that is in here stays the same until the guest resets. What changes is read through a view.
public struct GuestKernel: Sendable {
  /// Where symbols and types are from.
  public var origin: KernelFacts.Origin
  public var architecture: KernelFacts.Architecture
  /// Nil for a kernel without one.
  public var buildID: [UInt8]?
  /// `Linux version 6.1.0-…`, as the guest has it.
  public var banner: String
  /// Symbols at the addresses of this boot.
  public var symbols: KernelSymbols
  public let btf: BTF
  /// The address of `_text`, KASLR included.
  public var textBase: KernelVirtualAddress
  /// How far the image is from where the facts have it, modulo 2^64.
  public var slide: UInt64
  /// How far KASLR moved the image from where it was linked, modulo 2^64; nil where symbols are from
  /// guest memory, for then only `VMCoreInfo` has it.
  public var kaslrOffset: UInt64? { origin.kind == .memory ? nil : slide }
  public var addressSpace: KernelAddressSpace
  /// What the kernel itself says of where it is, either of which may be "negative": `phys_base`
  /// and `page_offset_base` (x86-64), `kimage_voffset` and `memstart_addr` (arm64).
  public var variables: [String: UInt64]
  /// CPU ids end below this.
  public var cpuIDs: Int
  /// The CPU that panicked (`panic_cpu` of kernel/panic.c), when the kernel was found; nil when none
  /// did. Its vCPU may run a crash kernel since.
  public var panicCPU: Int?
  /// It was booted after another kernel's crash, to save that one's memory.
  public var isCrashKernel: Bool
  /// The guest's vCPUs, and which kernel each was in when this one was found.
  public var vcpus: [VCPU] = []
  /// The vCPU whose registers show first that this kernel lives.
  public var watchedCPU: Int
  /// No other vCPU can show it: the kernel that this vCPU is in was asked for.
  var isBoundToVCPU = false
  /// Where the image was found, and offsets of CPUs that can be vCPUs.
  let location: KernelLocation
  let cpus: [CPU]
  let lookups: KernelLookups
  /// The memory that this kernel was found by.
  let seen: RememberedMemory
  /// False for a kernel that an earlier session has found, until a snapshot has shown that it is
  /// there: it reads `seen` again, and the registers of all vCPUs.
  public var isProven = true

  /// The name of the file that symbols and types are from.
  public var file: String { origin.name }

  /// Bytes of a page.
  public var pageSize: Int { addressSpace.tables.format.pageSize }

  /// The guest's release, as `uname -r` says it.
  public var release: String { banner.kernelRelease ?? banner }

  /// The array that says where each CPU's variables are. Without its address no CPU is known, and
  /// a reset of the guest goes unnoticed.
  public static let perCPUOffsets = "__per_cpu_offset"

  /// The address of a symbol that this kernel must have.
  public func address(of symbol: String) throws(KernelError) -> KernelVirtualAddress {
    try lookups.address(of: symbol) { () throws(KernelError) in
      KernelVirtualAddress(try symbols.required(symbol, in: file))
    }
  }

  /// Where this kernel's structures have their members.
  public var layouts: StructLayouts { lookups.layouts }

  /// What is made of this kernel's symbols and types for all walks, one of each type; made when it
  /// is first wanted.
  public func prepared<T: Sendable>(
    _ make: () throws(KernelError) -> T
  ) throws(KernelError) -> T { try lookups.prepared(make) }

  /// The value of an enumerator, of whichever enumeration; nil where this kernel has none of this
  /// name.
  public func enumerator(named name: String) -> Int128? {
    lookups.enumerator(named: name) { btf.enumerator(named: name) }
  }

  /// The function that begins at an address.
  public func function(at address: UInt64) -> (name: String, address: UInt64)? {
    guard let (symbol, offset) = symbols.nearest(to: address), offset == 0 else { return nil }
    return (symbol.name, symbol.address)
  }

  /// The words of an enumeration of this kernel, by number.
  ///
  /// - Parameter prefix: what all enumerators begin with that count.
  public func words(of enumeration: String, prefix: String) -> EnumNames {
    lookups.words(of: enumeration) { EnumNames(btf, enum: enumeration, prefix: prefix) }
  }

  static let panicCPUSymbol = "panic_cpu"
  /// NR_CPUS of the largest configuration; more is garbage.
  static let cpuLimit: UInt32 = 8192

  /// - Parameter value: of `panic_cpu`, PANIC_CPU_INVALID (-1) before a panic.
  static func panicCPU(_ value: UInt32) -> Int? { value < cpuLimit ? Int(value) : nil }

  /// The CPU that panicked, now; nil when none did, or the kernel does not show it.
  public func panicCPU(in view: MemoryView) throws(ReadFault) -> Int? {
    guard let address = symbols.address(of: Self.panicCPUSymbol) else { return nil }
    do throws(ReadFault) {
      return Self.panicCPU(try view.u32(at: KernelVirtualAddress(address)))
    } catch .unreadable {
      return nil
    }
  }
}

extension KernelFacts.Architecture: CustomStringConvertible {
  public var description: String { rawValue }
}
