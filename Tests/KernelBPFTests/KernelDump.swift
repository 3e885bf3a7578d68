import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelBPF
import GuestScopeKernelImage
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeBTF

/// All that it takes to find a guest's kernel without a file and to list its programs, in a byte
/// buffer: the whole read-only data of the kernel, and the whole pages of what else was read.
struct KernelDump {
  /// A piece of the kernel that tests damage.
  struct Area {
    var name: String
    /// Where it is in guest memory: an area may have many places.
    var places: [PhysicalRange]
  }

  let regions: [(start: UInt64, bytes: [UInt8])]
  let registers: [RegisterKey: UInt64]
  let architecture: KernelFacts.Architecture
  let areas: [Area]

  /// Finds the kernel of a guest, and notes where it is.
  private final class Source: KernelFactsSource {
    let facts: MemoryFacts
    private(set) var found: (location: KernelLocation, facts: KernelFacts)?
    private let noteTables: () -> Void

    init(_ architecture: KernelFacts.Architecture, noteTables: @escaping () -> Void) {
      facts = MemoryFacts(architecture, recipes: BPFObjects.symbolRecipes)
      self.noteTables = noteTables
    }

    var architecture: KernelFacts.Architecture { facts.architecture }

    func facts(
      of location: KernelLocation, in engine: SnapshotEngine
    ) throws(KernelError) -> KernelFacts {
      // Up to here only page tables were read.
      if found == nil { noteTables() }
      let facts = try facts.facts(of: location, in: engine)
      found = (location, facts)
      return facts
    }
  }

  init(_ source: any GuestSource) throws {
    architecture = try #require(KernelFacts.Architecture(ofSource: source.architecture))
    let recording = RangeRecorder(source)
    var tables: [PhysicalRange] = []
    let facts = Source(architecture) { tables = recording.ranges }
    let engine = SnapshotEngine(recording)
    let kernel = try GuestKernel(facts, in: engine)
    let programs = try BPFObjects(kernel, engine).programs(Fuzz.query)
    try #require(programs.unreadable.isEmpty && !programs.value.objects.isEmpty)
    let (location, known) = try #require(facts.found)
    let segment = try #require(location.readOnlyData)
    let data = PhysicalRange(segment.physical, count: Int(segment.count))
    // Exactly the page-table entries that lead to programs.
    let before = recording.ranges.count
    _ = try SnapshotEngine(recording).snapshot { view throws(ReadFault) in
      try view.each(programs.value.objects) { program throws(ReadFault) in
        try kernel.addressSpace.tables.mapping(at: program.address, in: view)
      }
    }
    let entries = recording.ranges[before...].filter { $0.count == 8 }
    let pages = source.ram.coalesce(
      (recording.ranges + [data]).map { range in
        let start = range.start.rawValue & ~0xfff
        let end = (range.end.rawValue + 0xfff) & ~0xfff
        return PhysicalRange(PhysicalAddress(start), count: Int(end - start))
      }.filter(source.ram.contains), gap: 0)
    let contents = try SnapshotEngine(source).readStatic(pages)
    regions = try zip(pages, contents).map { ($0.start.rawValue, try $1.get()) }
    registers = recording.registers
    let whole = try #require(pages.firstIndex { $0.contains(data) })
    let bytes = try contents[whole].get()
    let skipped = Int(data.start.rawValue - pages[whole].start.rawValue)
    let region = MemoryRegion(
      Array(bytes[skipped..<skipped + data.count]), address: segment.virtual.rawValue)
    areas =
      try Self.symbolAreas(known, region, location) + Self.typeAreas(known, region, location) + [
        Area(name: "tables of the image", places: try Self.entries(tables, source)),
        Area(name: "tables of programs", places: entries),
        Area(
          name: "prog_idr",
          places: [location.physical(try kernel.address(of: "prog_idr"), count: 24)]),
      ]
  }

  /// The entries of page tables that lead somewhere.
  private static func entries(
    _ tables: [PhysicalRange], _ source: any GuestMem
  ) throws -> [PhysicalRange] {
    try tables.flatMap { table in
      let bytes = try source.bytes(at: table.start, count: table.count)
      return stride(from: 0, to: bytes.count - 7, by: 8).compactMap { at in
        bytes.u64(at: at) == 0 ? nil : PhysicalRange(table.start + at, count: 8)
      }
    }
  }

  /// The guest, to be changed.
  var memory: ByteBufferMemory { ByteBufferMemory(regions: regions, registers: registers) }

  /// What the guest has loaded, found without a file.
  static func list(
    _ memory: any GuestMem, _ architecture: KernelFacts.Architecture
  ) throws(KernelError) -> Snapshot<BPFObjects.Programs> {
    let engine = SnapshotEngine(memory)
    let facts = MemoryFacts(architecture, recipes: BPFObjects.symbolRecipes)
    return try BPFObjects(try GuestKernel(facts, in: engine), engine).programs(Fuzz.query)
  }
}

// MARK: Areas

extension KernelDump {
  /// Symbols that finding a kernel and listing its programs needs.
  private static let symbols = [
    "prog_idr", "phys_base", "page_offset_base", "init_top_pgt", "nr_cpu_ids", "__per_cpu_offset",
    "kimage_voffset", "memstart_addr", "swapper_pg_dir", "linux_banner", "__start_BTF",
    "__stop_BTF", "__start_notes", "__stop_notes", "_text", "_stext", "tk_core",
    "bpf_stats_enabled_key", "panic_cpu",
  ]

  private static func symbolAreas(
    _ facts: KernelFacts, _ region: MemoryRegion, _ location: KernelLocation
  ) throws -> [Area] {
    let tables = try #require(KallsymsTables.search(region).tables)
    let all = try #require(tables.symbols(in: region))
    func area(_ name: String, _ address: UInt64, _ count: Int) -> Area {
      Area(name: name, places: [location.physical(KernelVirtualAddress(address), count: count)])
    }
    // The names lie in front of the markers, of which there is one of 4 bytes for 256 names.
    var names: [(start: UInt64, count: Int)] = []
    var at = tables.namesAddress
    for _ in 0..<tables.count {
      let low = try #require(region.bytes(at: at, count: 2))
      let isLong = low[0] & 0x80 != 0
      let length = isLong ? Int(low[0] & 0x7f) | Int(low[1]) << 7 : Int(low[0])
      let count = length + (isLong ? 2 : 1)
      names.append((at, count))
      at += UInt64(count)
    }
    let wanted = all.indices.filter { symbols.contains(all[$0].name) }
    func places(_ stretches: [(start: UInt64, count: Int)]) -> [PhysicalRange] {
      stretches.map { location.physical(KernelVirtualAddress($0.start), count: $0.count) }
    }
    let note = try #require(facts.buildIDNote)
    let banner = try #require(facts.banner)
    let text = Array(banner.utf8)
    let place = try #require(
      (0..<region.bytes.count - text.count).first {
        region.bytes[$0] == text[0] && region.bytes[$0...].starts(with: text)
      })
    return [
      area("names", tables.namesAddress, Int(at - tables.namesAddress)),
      area("markers", at, 4 * (tables.count / 256 + 1)),
      area("tokens", tables.tokenTableAddress, 1024),
      area("offsets", tables.offsetsAddress, 4 * tables.count),
      Area(name: "needed names", places: places(wanted.map { names[$0] })),
      Area(
        name: "needed offsets",
        places: places(wanted.map { (tables.offsetsAddress + UInt64(4 * $0), 4) })),
      area("start of the tables", tables.startAddress - 16, 32),
      area("notes", note.address, note.count),
      area("banner", region.address + UInt64(place), text.count),
    ]
      + (tables.relativeBaseAddress.map { [area("relative_base", $0, 16)] } ?? [])
      + (tables.seqsOfNames.map { [area("seqs", $0.lowerBound, $0.count)] } ?? [])
  }

  /// Structures that finding a kernel and listing its programs needs.
  private static let structures = [
    "bpf_prog", "bpf_prog_aux", "bpf_prog_stats", "bpf_map", "btf", "user_struct", "idr", "xarray",
    "xa_node", "timekeeper", "static_key", "static_key_false", "bpf_prog_type",
  ]

  private static func typeAreas(
    _ facts: KernelFacts, _ region: MemoryRegion, _ location: KernelLocation
  ) throws -> [Area] {
    let blob = try #require(facts.btf)
    let types = try BTF(blob)
    let address = try #require(region.btf(try? facts.symbols)?.address)
    func place(_ range: Range<Int>) -> PhysicalRange {
      location.physical(
        KernelVirtualAddress(address + UInt64(range.lowerBound)), count: range.count)
    }
    let ids = structures.flatMap { types.ids(named: $0) }
    let rows = try ids.map { id in
      let offset = Int(types.index.offsets[Int(id.rawValue) - 1])
      let (kind, info) = try types.info(at: offset)
      return offset..<offset + 12 + info.trailingBytes(of: kind)
    }
    // The names of the structures and of their members or enumerators.
    let names = zip(ids, rows).flatMap { id, row in
      let size = (try? types.kind(of: id)) == .enum ? 8 : 12
      let places =
        [row.lowerBound] + stride(from: row.lowerBound + 12, to: row.upperBound, by: size)
      return places.compactMap { at -> Range<Int>? in
        guard let name = blob.u32(at: at), name != 0, name < UInt32(types.strings.count) else {
          return nil
        }
        let start = types.strings.lowerBound + Int(name)
        let end = (start..<types.strings.upperBound).first { blob.u8(at: $0) == 0 }
        return end.map { start..<$0 }
      }
    }
    let first = Int(types.index.offsets[0])
    return [
      Area(name: "BTF header", places: [place(0..<first)]),
      Area(name: "BTF types", places: [place(first..<types.strings.lowerBound)]),
      Area(name: "BTF strings", places: [place(types.strings)]),
      Area(name: "needed types", places: rows.map(place)),
      Area(name: "needed type names", places: names.map(place)),
    ]
  }
}

extension PhysicalRange {
  fileprivate func contains(_ other: PhysicalRange) -> Bool {
    start <= other.start && other.end <= end
  }
}

/// Notes what is read from a source.
private final class RangeRecorder: GuestMem {
  let source: any GuestMem
  private(set) var ranges: [PhysicalRange] = []
  private(set) var registers: [RegisterKey: UInt64] = [:]

  init(_ source: any GuestMem) { self.source = source }

  var ram: RAMMap { source.ram }
  var consistency: Consistency { source.consistency }
  var limits: SampleLimits { source.limits }
  var cpuCount: Int { source.cpuCount }
  func load(of registers: [RegisterKey]) -> SampleLoad { source.load(of: registers) }

  func sample(
    ranges: [PhysicalRange], registers: [RegisterKey]
  ) throws(GuestMemError) -> Sample {
    let sample = try source.sample(ranges: ranges, registers: registers)
    self.ranges += ranges.filter(ram.contains)
    for (key, value) in sample.registers {
      if case .success(let number) = value { self.registers[key] = number }
    }
    return sample
  }

  func hold() throws(GuestMemError) { try source.hold() }
  func release() throws(GuestMemError) { try source.release() }
  func lookAgain() throws(GuestMemError) -> Bool { try source.lookAgain() }
}
