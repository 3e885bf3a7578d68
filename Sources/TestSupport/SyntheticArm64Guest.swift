import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopePaging

/// An arm64 guest whose RAM is written by hand: a kernel image of 2 MiB each of code, read-only data
/// and data, its linear map, and the areas of two CPUs. Pages of 4 KiB, addresses of 48 bits.
public final class SyntheticArm64Guest {
  public static let banner = "Linux version 6.1.0-arm (builder@host) (gcc 12) #1 SMP"
  public static let linkBase: UInt64 = 0xffff_8000_0800_0000
  /// T1SZ 16, TG1 2.
  public static let tcr: UInt64 = 16 << 16 | 2 << 30
  public static let pageOffset: UInt64 = 0xffff_0000_0000_0000
  static let ramBase: UInt64 = 0x4000_0000
  static let part: UInt64 = 2 << 20

  public let ram = RAMBuilder(base: ramBase, count: Int(4 * part))
  public let tables: PageTableBuilder
  /// Where the kernel runs, KASLR included.
  public let textBase = linkBase + 0x3_2000_0000
  public let imagePhysical = PhysicalAddress(ramBase + part)
  /// Names and places in the image, as bytes from its start.
  public private(set) var symbols: [String: UInt64] = [:]
  public var registers: [String: UInt64] = [:]

  public init() {
    tables = PageTableBuilder(.aarch64(tcr: TranslationControl(Self.tcr))!, in: ram)
    let data = 2 * Self.part
    symbols = [
      "_text": 0, "linux_banner": Self.part + 0x100, "__start_notes": Self.part + 0x800,
      "__stop_notes": Self.part + 0x800 + UInt64(SyntheticGuest.notes.count),
      "nr_cpu_ids": data, "kimage_voffset": data + 8, "memstart_addr": data + 16,
      "panic_cpu": data + 24, "__per_cpu_offset": data + 0x1000,
      "swapper_pg_dir": tables.root.rawValue &- imagePhysical.rawValue,
    ]
    mapImage()
    ram.write(Array((Self.banner + "\n").utf8), at: place("linux_banner"))
    ram.write(SyntheticGuest.notes, at: place("__start_notes"))
    ram.write(2 as UInt32, at: place("nr_cpu_ids"))
    ram.write(textBase &- imagePhysical.rawValue, at: place("kimage_voffset"))
    ram.write(Self.ramBase, at: place("memstart_addr"))
    ram.write(UInt32.max, at: place("panic_cpu"))
    for cpu in 0..<2 { ram.write(perCPUOffset(cpu), at: place("__per_cpu_offset") + 8 * cpu) }
    registers = [
      "TTBR1_EL1": tables.root.rawValue | 0x2a << 48 | 1, "TCR_EL1": Self.tcr,
      "SCTLR_EL1": 0x30d0_198d, "VBAR_EL1": textBase + 0x800, "TPIDR_EL1": perCPUOffset(0),
    ]
  }

  /// Maps the image, and its data in the linear map.
  ///
  /// - Parameter isEarly: as it is before mark_rodata_ro().
  public func mapImage(isEarly: Bool = false) {
    for part in 0..<3 as Range<UInt64> {
      tables.map(
        textBase + part * Self.part, to: imagePhysical.rawValue + part * Self.part, level: 2,
        writable: part == 2 || part == 1 && isEarly, executable: part == 0)
    }
    let data = imagePhysical.rawValue + 2 * Self.part
    tables.map(data - Self.ramBase + Self.pageOffset, to: data, level: 2)
  }

  public func perCPUOffset(_ cpu: Int) -> UInt64 { 0xffff_9adf_2725_4000 + UInt64(cpu) << 16 }

  /// The physical address of a symbol.
  public func place(_ symbol: String) -> PhysicalAddress { imagePhysical + symbols[symbol]! }

  public var memory: ByteBufferMemory {
    ram.memory(
      registers: Dictionary(
        uniqueKeysWithValues: registers.map { (RegisterKey(cpu: 0, name: $0.key), $0.value) }))
  }

  /// The file that the guest booted.
  public func image() throws(KernelImageError) -> KernelFacts {
    let (base, types) = (Self.linkBase, KernelTypes.kernel(.linux6))
    var elf = ELFBuilder(sections: [
      .init(name: ".text", flags: 6, address: base, contents: [UInt8](repeating: 0, count: 64)),
      .init(
        name: ".rodata", address: base + Self.part,
        contents: [UInt8](repeating: 0, count: 0x100) + Array((Self.banner + "\n").utf8) + [0]),
      .init(
        name: ".notes", type: 7, address: base + Self.part + 0x800, contents: SyntheticGuest.notes),
      .init(name: ".BTF", address: base + Self.part + 0x1000, contents: types.blob),
    ])
    elf.machine = 183
    elf.addSymbols(
      symbols.sorted { $0.value < $1.value }.map {
        (name: $0.key, info: 1, section: 1, value: base &+ $0.value)
      })
    return try KernelFacts(bytes: elf.bytes, name: "vmlinux")
  }
}
