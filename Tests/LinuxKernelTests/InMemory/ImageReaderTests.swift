import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeKernelImage
import GuestScopePaging
import TestSupport
import Testing

@testable import GuestScopeLinuxKernel

/// kallsyms in the memory of a guest: read-only data of which nothing is known but where it begins
/// and ends.
@Suite struct ImageReaderTests {
  private static let physical = PhysicalAddress(0x1_0000)
  private static let start: UInt64 = 0xffff_ffff_8200_0000

  /// An image whose read-only data are these bytes, and what reads it.
  private static func reader(_ bytes: [UInt8]) -> (reader: ImageReader, memory: ScriptedMemory) {
    let memory = ScriptedMemory(ByteBufferMemory(bytes, base: physical.rawValue))
    let segments = [
      PageTables.Mapping(
        virtual: KernelVirtualAddress(start - 0x1000), physical: physical + -0x1000, count: 0x1000,
        isWritable: false, isExecutable: true),
      PageTables.Mapping(
        virtual: KernelVirtualAddress(start), physical: physical, count: UInt64(bytes.count),
        isWritable: false, isExecutable: false),
    ]
    let location = KernelLocation(
      start: segments[0].virtual, displacement: physical.rawValue &- start, segments: segments,
      tables: PageTables(.x86(fiveLevel: false), root: physical), control: 0)
    return (ImageReader(location, SnapshotEngine(memory))!, memory)
  }

  /// So many symbols that a probe every 64 KiB meets the table of offsets.
  private static let symbols: [KallsymsBuilder.Symbol] = (0..<20_000).map {
    .init(name: "f\($0)", type: "t", address: KallsymsBuilder.text + UInt64(16 * $0))
  }

  private static func builder(_ layout: KallsymsBuilder.Layout) -> KallsymsBuilder {
    KallsymsBuilder(layout: layout, symbols: symbols)
  }

  /// Bytes that no search takes for anything.
  private static func noise(_ count: Int) -> [UInt8] {
    var random = SplitMix(state: 7)
    return (0..<count / 8).flatMap { _ in
      let word = random.next()
      return (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
  }

  private func check(_ bytes: [UInt8], _ builder: KallsymsBuilder) throws {
    let (reader, memory) = Self.reader(bytes)
    let (tables, region) = try #require(try reader.kallsyms())
    let symbols = try #require(tables.symbols(in: region))
    #expect(symbols.count == builder.symbols.count)
    let wrong = zip(symbols, builder.symbols).first {
      $0.name != $1.name || $0.address != $1.address
    }
    #expect(wrong == nil)
    let seqs = try tables.seqsOfNames.map { try reader.extend(region, to: $0) ?? region }
    #expect(tables.fault(of: symbols, in: seqs ?? region) == nil)
    #expect((tables.seqsOfNames == nil) == (builder.layout == .a))
    #expect(memory.samples.joined().allSatisfy(memory.ram.contains))
  }

  @Test(arguments: KallsymsBuilder.Layout.allCases, [0, 40_008, 131_064])
  func tablesAreFoundWhereverTheyAre(layout: KallsymsBuilder.Layout, place: Int) throws {
    let builder = Self.builder(layout)
    let before = Self.noise(place)
    // In front of the first table there are 64 bytes of the banner at least.
    let gap = [UInt8](repeating: 0, count: 64)
    let tables = builder.bytes(at: Self.start + UInt64(place + 64))
    try check(before + gap + tables + Self.noise(70_000), builder)
  }

  @Test func tablesOfLayoutCAreAlignedTo4() throws {
    let builder = Self.builder(.c)
    let before = Self.noise(40_000) + [1, 0, 0, 0]
    try check(
      before + builder.bytes(at: Self.start + UInt64(before.count)) + Self.noise(70_000), builder)
  }

  /// Other tables of numbers that ascend, longer than the one of offsets: exception tables, tables of
  /// unwinders.
  @Test(arguments: KallsymsBuilder.Layout.allCases)
  func otherTablesOfAscendingNumbersDoNotMislead(layout: KallsymsBuilder.Layout) throws {
    let builder = Self.builder(layout)
    var decoys: [UInt8] = []
    for step in [4, 1000] as [UInt32] {
      var number: UInt32 = 0x1000
      for _ in 0..<30_000 {
        decoys.append(littleEndian: number)
        number &+= step
      }
      decoys += Self.noise(70_000)
    }
    try check(
      decoys + builder.bytes(at: Self.start + UInt64(decoys.count)) + Self.noise(70_000), builder)
  }

  /// The data end in the middle of the tables: nothing is found, and nothing else is read.
  @Test(arguments: KallsymsBuilder.Layout.allCases, [0.3, 0.95])
  func tablesThatAreCutOffAreNotFound(layout: KallsymsBuilder.Layout, part: Double) throws {
    let tables = Self.builder(layout).bytes(at: Self.start)
    // What follows offsets in layout C, the numbers of the names, is not looked for.
    let size = layout == .c || layout == .b ? tables.count - 3 * Self.symbols.count : tables.count
    let (reader, memory) = Self.reader(Array(tables.prefix(Int(Double(size) * part))))
    #expect(try reader.kallsyms() == nil)
    #expect(memory.samples.joined().allSatisfy(memory.ram.contains))
  }

  @Test func dataWithoutTablesAreReadByProbesAlone() throws {
    let (reader, memory) = Self.reader(Self.noise(1 << 20))
    #expect(try reader.kallsyms() == nil)
    #expect(memory.samples.joined().reduce(0) { $0 + $1.count } == 16 * 64)
    // An image without any data.
    #expect(try Self.reader([]).reader.kallsyms() == nil)
  }

  @Test func aPageThatCannotBeReadIsNoTable() throws {
    let builder = Self.builder(.b)
    let bytes = builder.bytes(at: Self.start) + Self.noise(70_000)
    let (reader, memory) = Self.reader(bytes)
    let tables = try #require(try reader.kallsyms()?.tables)
    memory.absentPages = [
      (Self.physical + (tables.namesAddress - Self.start) + 0x8000).rawValue >> 12
    ]
    #expect(try reader.kallsyms() == nil)
  }

  // MARK: Regions

  private static let numbers = (0..<4096).map { UInt8(truncatingIfNeeded: $0 / 16) }

  @Test(
    arguments: [
      // What is there, what is wanted besides, what comes of it; nil: nothing is new.
      (100..<200, 150..<180, nil), (100..<200, 100..<200, nil), (100..<200, 150..<300, 100..<300),
      (100..<200, 50..<120, 50..<200), (100..<200, 50..<300, 50..<300),
      (100..<200, 300..<400, 100..<400), (100..<200, 10..<20, 10..<200),
      // The data end.
      (100..<200, 4000..<9000, 100..<4096), (4000..<4096, 4096..<9000, nil),
    ] as [(Range<Int>, Range<Int>, Range<Int>?)])
  func aRegionGrowsByWhatIsNew(has: Range<Int>, wanted: Range<Int>, result: Range<Int>?) throws {
    let (reader, memory) = Self.reader(Self.numbers)
    func addresses(_ offsets: Range<Int>) -> Range<UInt64> {
      Self.start + UInt64(offsets.lowerBound)..<Self.start + UInt64(offsets.upperBound)
    }
    let region = try #require(try reader.region(addresses(has)))
    memory.forgetSamples()
    let extended = try reader.extend(region, to: addresses(wanted))
    #expect(extended?.address == result.map { addresses($0).lowerBound })
    #expect(extended?.bytes == result.map { Array(Self.numbers[$0]) })
    let read = memory.samples.joined().reduce(0) { $0 + $1.count }
    #expect(read == (result.map { $0.count - has.count } ?? 0))
  }

  @Test func aRegionThatCannotGrowIsNoRegion() throws {
    let (reader, memory) = Self.reader(Self.noise(5 * 4096))
    let region = try #require(try reader.region(Self.start + 8192..<Self.start + 8200))
    for page in [0, 4] as [UInt64] {
      memory.absentPages = [Self.physical.rawValue >> 12 + page]
      #expect(try reader.extend(region, to: Self.start..<Self.start + 5 * 4096) == nil)
    }
    memory.absentPages = []
    memory.fails = { _ in GuestMemError(.lost, "it broke") }
    #expect(throws: KernelError.self) {
      try reader.extend(region, to: Self.start..<Self.start + 5 * 4096)
    }
  }

  @Test func onlyWhatLiesInTheImageIsHeld() {
    let (reader, _) = Self.reader(Self.numbers)
    let image = Self.start - 0x1000..<Self.start + 4095
    #expect(reader.holds(image))
    #expect(!reader.holds(image.lowerBound - 1..<image.upperBound))
    #expect(!reader.holds(image.lowerBound..<image.upperBound + 1))
    #expect(!reader.holds(0..<64))
  }

  /// What page tables say is not yet known to be of a kernel.
  @Test func dataAtTheEndOfTheAddressSpaceAreNotRead() {
    let segments = [
      PageTables.Mapping(
        virtual: KernelVirtualAddress(.max - 0xf_ffff), physical: PhysicalAddress(0), count: 0x1000,
        isWritable: false, isExecutable: true),
      PageTables.Mapping(
        virtual: KernelVirtualAddress(.max - 0xe_ffff), physical: PhysicalAddress(0x1000),
        count: 0xf_0000, isWritable: false, isExecutable: false),
    ]
    let location = KernelLocation(
      start: segments[0].virtual, displacement: 0, segments: segments,
      tables: PageTables(.x86(fiveLevel: false), root: PhysicalAddress(0)), control: 0)
    let engine = SnapshotEngine(ScriptedMemory(ByteBufferMemory([0])))
    #expect(ImageReader(location, engine) == nil)
  }
}
