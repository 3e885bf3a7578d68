import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopePaging

/// A guest whose RAM is written by hand: a kernel image with KASLR and a "negative" `phys_base`,
/// a direct map, vmalloc memory behind page tables, per-CPU areas.
public final class SyntheticGuest {
  public static let banner = "Linux version 6.1.0-test (builder@host) (gcc 12) #1 SMP"
  public static let linkBase: UInt64 = 0xffff_ffff_8100_0000
  /// How far KASLR moved the image.
  public static let slide: UInt64 = 0x1d00_0000

  public let ram: RAMBuilder
  public let types: KernelTypes
  public let tables: PageTableBuilder
  public let cpus: Int
  public let pageOffset: UInt64
  public var registers: [String: UInt64] = [:]
  /// Names and places in the image, as bytes from its start.
  public var symbols: [String: UInt64] = [:]

  static let textSize: UInt64 = 0x4000
  static let dataSize: UInt64 = 0x8000
  let rodataSize: UInt64
  public let imagePhysical: PhysicalAddress
  private var nextVmalloc: UInt64
  private var nextPerCPU: UInt64 = 0x40
  public private(set) var perCPUAreas: [PhysicalAddress] = []
  /// What `prog_idr` and `map_idr` are to hold, by id.
  public var programs: [UInt64: UInt64] = [:]
  public var maps: [UInt64: UInt64] = [:]

  private let slide: UInt64
  public var textBase: UInt64 { Self.linkBase + slide }
  public var dataOffset: UInt64 { Self.textSize + rodataSize }
  /// Physical minus virtual address of the image.
  public var displacement: UInt64 { imagePhysical.rawValue &- textBase }

  /// - Parameters:
  ///   - ram: of another kernel, in which this one lies as well.
  ///   - rodataSize: bytes of read-only data, a multiple of the page size.
  public init(
    _ types: KernelTypes = .kernel(.linux6), cpus: Int = 2, isFiveLevel: Bool = false,
    ramBytes: Int = 1 << 20, in ram: RAMBuilder? = nil, slide: UInt64 = slide,
    rodataSize: UInt64 = 0x4000
  ) {
    (self.slide, self.rodataSize) = (slide, rodataSize)
    self.types = types
    self.cpus = cpus
    let ram = ram ?? RAMBuilder(count: ramBytes)
    self.ram = ram
    imagePhysical = ram.allocate(
      Int(Self.textSize + rodataSize + Self.dataSize), alignment: 0x1_0000)
    tables = PageTableBuilder(.x86(fiveLevel: isFiveLevel), in: ram)
    pageOffset = isFiveLevel ? 0xff3a_0b40_0000_0000 : 0xffff_8a3b_4000_0000
    nextVmalloc = isFiveLevel ? 0xffa0_1234_0000_0000 : 0xffff_b234_8000_0000
    mapImage(in: tables)
    perCPUAreas = (0..<cpus).map { _ in ram.allocatePage() }
    registers = [
      "cr0": 0x8005_0033, "cr3": tables.root.rawValue | 0x006, "efer": 0xd01,
      "cr4": isFiveLevel ? 0x37_16f0 : 0x37_06f0, "rip": textBase + 0x1234,
      "gs_base": perCPUOffset(0), "k_gs_base": 0,
    ]
    placeVariables()
  }

  public func mapImage(in tables: PageTableBuilder, onlyText: Bool = false) {
    let physical = imagePhysical.rawValue
    tables.map(pages: 4, from: textBase, to: physical, writable: false, executable: true)
    if onlyText { return }
    tables.map(
      pages: Int(rodataSize >> 12), from: textBase + Self.textSize, to: physical + Self.textSize,
      writable: false)
    tables.map(pages: 8, from: textBase + dataOffset, to: physical + dataOffset)
  }

  // MARK: Addresses

  public func direct(_ physical: PhysicalAddress) -> UInt64 { pageOffset + physical.rawValue }
  public func physical(_ direct: UInt64) -> PhysicalAddress { PhysicalAddress(direct - pageOffset) }

  /// The physical address of a symbol.
  public func place(_ symbol: String) -> PhysicalAddress { imagePhysical + symbols[symbol]! }

  public func perCPUOffset(_ cpu: Int) -> UInt64 { direct(perCPUAreas[cpu]) }

  /// Pages at new virtual addresses, scattered in physical memory as vmalloc() does it.
  public func vmalloc(pages: Int) -> (virtual: UInt64, physical: [PhysicalAddress]) {
    let virtual = nextVmalloc
    nextVmalloc += UInt64(pages + 1) * 4096
    // Descending, so that no two neighbours are neighbours in physical memory.
    let physical = (0..<pages).map { _ in ram.allocatePage() }.reversed() as [PhysicalAddress]
    for (index, page) in physical.enumerated() {
      tables.map(virtual + UInt64(index) * 4096, to: page.rawValue)
    }
    return (virtual, physical)
  }

  /// A per-CPU variable: its pointer, and where each CPU's copy is.
  public func perCPU(_ size: Int) -> (pointer: UInt64, copies: [PhysicalAddress]) {
    defer { nextPerCPU += UInt64(size + 63) / 64 * 64 }
    precondition(nextPerCPU + UInt64(size) <= 4096, "the per-CPU areas are full")
    return (nextPerCPU, perCPUAreas.map { $0 + nextPerCPU })
  }

  // MARK: The image

  private func placeVariables() {
    symbols = [
      "_text": 0, "linux_banner": Self.textSize + 0x100, "__start_notes": Self.textSize + 0x800,
      "__stop_notes": Self.textSize + 0x800 + UInt64(Self.notes.count),
      "phys_base": dataOffset, "page_offset_base": dataOffset + 8, "nr_cpu_ids": dataOffset + 16,
      "__per_cpu_offset": dataOffset + 0x1000, "prog_idr": dataOffset + 0x400,
      "map_idr": dataOffset + 0x440,
      "tk_core": dataOffset + 0x500, "bpf_stats_enabled_key": dataOffset + 0x600,
      "panic_cpu": dataOffset + 24, "elfcorehdr_addr": dataOffset + 32,
      "init_top_pgt": tables.root.rawValue &- imagePhysical.rawValue,
    ]
    ram.write(Array((Self.banner + "\n").utf8), at: place("linux_banner"))
    ram.write(Self.notes, at: place("__start_notes"))
    ram.write(displacement &+ 0xffff_ffff_8000_0000, at: place("phys_base"))
    ram.write(pageOffset, at: place("page_offset_base"))
    ram.write(UInt32(cpus), at: place("nr_cpu_ids"))
    ram.write(1 as UInt32, at: place("bpf_stats_enabled_key"))
    ram.write(UInt32.max, at: place("panic_cpu"))
    ram.write(UInt64.max, at: place("elfcorehdr_addr"))
    for cpu in 0..<64 {
      // Junk beyond the CPUs that there are.
      let offset = cpu < cpus ? perCPUOffset(cpu) : 0xdead_0000_0000 + UInt64(cpu)
      ram.write(offset, at: place("__per_cpu_offset") + 8 * cpu)
    }
    let timekeeper = place("tk_core") + types["tk_data.timekeeper"]
    ram.write(
      1_700_000_000_000_000_000 as UInt64, at: timekeeper + types["timekeeper.offs_real"])
  }

  /// Writes `prog_idr` and `map_idr`.
  ///
  /// - Parameter next: `idr_next`; nil for one more than the highest id.
  public func writeIDR(base: UInt32 = 0, next: UInt32? = nil) {
    writeIDR("prog_idr", programs, base: base, next: next)
    writeIDR("map_idr", maps, base: 0, next: nil)
  }

  private func writeIDR(_ symbol: String, _ objects: [UInt64: UInt64], base: UInt32, next: UInt32?)
  {
    guard symbols[symbol] != nil else { return }
    let entries = Dictionary(
      uniqueKeysWithValues: objects.map { ($0.key - UInt64(base), $0.value) })
    let idr = place(symbol)
    let builder = XArrayBuilder(ram, types, virtual: direct)
    // ROOT_IS_IDR, and IDR_RT_MARKER's tag with 25 bits of gfp_t.
    ram.write(0x0200_0004 as UInt32, at: idr + 4)
    ram.write(builder.head(entries), at: idr + 8)
    ram.write(base, at: idr + types["idr.idr_base"])
    let highest = objects.keys.max().map { UInt32($0) + 1 } ?? 0
    ram.write(next ?? highest, at: idr + types["idr.idr_next"])
  }

  public var memory: ByteBufferMemory {
    ram.memory(
      registers: Dictionary(
        uniqueKeysWithValues: registers.map { (RegisterKey(cpu: 0, name: $0.key), $0.value) }))
  }

  static let notes = notes(buildID: (1...20).map { $0 })

  static func notes(buildID: [UInt8]) -> [UInt8] {
    var notes: [UInt8] = []
    for word in [4, UInt32(buildID.count), 3] as [UInt32] { notes.append(littleEndian: word) }
    return notes + Array("GNU".utf8) + [0] + buildID
  }

  /// The file that the guest booted.
  ///
  /// - Parameters:
  ///   - without: symbols that it lacks.
  ///   - banner, buildID: of another kernel, for a file that is not the guest's.
  public func image(
    without: Set<String> = [], banner: String = banner, buildID: [UInt8] = (1...20).map { $0 },
    hasBTF: Bool = true
  ) throws(KernelImageError) -> KernelFacts {
    let file = imageFile(without: without, banner: banner, buildID: buildID, hasBTF: hasBTF)
    return try KernelFacts(bytes: file, name: "vmlinux")
  }

  /// Its bytes; see `image`.
  public func imageFile(
    without: Set<String> = [], banner: String = banner, buildID: [UInt8] = (1...20).map { $0 },
    hasBTF: Bool = true
  ) -> [UInt8] {
    let base = Self.linkBase
    var rodata = [UInt8](repeating: 0, count: 0x100)
    rodata += Array((banner + "\n").utf8) + [0]
    var elf = ELFBuilder(sections: [
      .init(name: ".text", flags: 6, address: base, contents: [UInt8](repeating: 0x90, count: 64)),
      .init(name: ".rodata", address: base + Self.textSize, contents: rodata),
      .init(
        name: ".notes", type: 7, address: base + Self.textSize + 0x800,
        contents: Self.notes(buildID: buildID)),
    ])
    if hasBTF {
      elf.sections.append(
        .init(name: ".BTF", address: base + Self.textSize + 0x1000, contents: types.blob))
    }
    elf.addSymbols(
      symbols.filter { !without.contains($0.key) }.sorted { $0.value < $1.value }.map {
        (name: $0.key, info: 1, section: 1, value: base &+ $0.value)
      })
    return elf.bytes
  }
}
