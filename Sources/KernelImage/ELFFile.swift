import GuestScopeBytes

/// A 64-bit little-endian ELF file (elf(5)), every access checked against its end.
public struct ELFFile: Sendable {
  public struct Section: Equatable, Sendable {
    public let name: String
    /// `SHT_*`.
    public let type: UInt32
    /// `SHF_*`.
    public let flags: UInt64
    public let address: UInt64
    /// Bytes of the file; empty for a section without any (`SHT_NOBITS`).
    public let range: Range<Int>
    /// `sh_link`: of a symbol table the index of its string table.
    let link: Int
  }

  public struct Segment: Equatable, Sendable {
    /// `PT_*`.
    public let type: UInt32
    public let virtualAddress: UInt64
    /// Bytes of the file.
    public let range: Range<Int>
  }

  public typealias Failure = KernelImageError.Reason

  private let file: FileContents
  /// `e_machine`.
  public let machine: UInt16
  public let sections: [Section]
  public let segments: [Segment]

  static let magic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46]
  public static let ptLoad: UInt32 = 1
  static let shtNobits: UInt32 = 8

  /// Reads the headers of a file in memory.
  public init(_ bytes: [UInt8]) throws(Failure) { try self.init(.memory(bytes)) }

  /// Reads the headers.
  init(_ file: FileContents) throws(Failure) {
    let header = try file.bytes(0..<min(64, file.count))
    guard header.starts(with: Self.magic) else { throw .notAKernel }
    guard header.u8(at: 4) == 2, header.u8(at: 5) == 1 else { throw .not64BitLittleEndian }
    guard header.count == 64, let machine = header.u16(at: 18) else {
      throw .outside("the ELF header", offset: 0)
    }
    self.file = file
    self.machine = machine
    segments = try Self.segments(file, header)
    sections = try Self.sections(file, header)
  }

  /// The parts of the file that are memory of the kernel, with the address of each: the loaded
  /// segments or, in a file without program headers, the allocated sections.
  var memory: [(range: Range<Int>, address: UInt64)] {
    let shfAlloc: UInt64 = 2
    let loads = segments.filter { $0.type == Self.ptLoad }
    let parts =
      loads.isEmpty
      ? sections.filter { $0.flags & shfAlloc != 0 }.map { ($0.range, $0.address) }
      : loads.map { ($0.range, $0.virtualAddress) }
    return parts.filter { !KernelSymbols.isAbsolute($0.1) }
  }

  public func section(_ name: String) -> Section? { sections.first { $0.name == name } }

  /// The bytes of a section, or nil when there is no such section.
  public func contents(of name: String) throws(Failure) -> [UInt8]? {
    guard let section = section(name) else { return nil }
    return try bytes(section.range)
  }

  /// Bytes of a section or segment.
  public func bytes(_ range: Range<Int>) throws(Failure) -> [UInt8] {
    try file.bytes(range)
  }

  private static func segments(
    _ file: FileContents, _ header: [UInt8]
  ) throws(Failure) -> [Segment] {
    let table = try Table(file, header, "program headers", at: 32, sizes: 54, least: 56)
    var segments: [Segment] = []
    for at in table.entries {
      guard let type = table.bytes.u32(at: at), let virtual = table.bytes.u64(at: at + 16) else {
        throw .outside("a program header", offset: at)
      }
      segments.append(
        Segment(
          type: type, virtualAddress: virtual,
          range: try table.range("a segment", offset: at + 8, size: at + 32)))
    }
    return segments
  }

  private static func sections(
    _ file: FileContents, _ header: [UInt8]
  ) throws(Failure) -> [Section] {
    let table = try Table(file, header, "section headers", at: 40, sizes: 58, least: 64)
    guard let index = header.u16(at: 62), table.entries.indices.contains(Int(index)) else {
      return []
    }
    let nameTable = table.entries[Int(index)]
    let names = try file.bytes(
      table.range("section names", offset: nameTable + 24, size: nameTable + 32))
    var sections: [Section] = []
    for at in table.entries {
      guard let name = table.bytes.u32(at: at), let type = table.bytes.u32(at: at + 4),
        let flags = table.bytes.u64(at: at + 8), let address = table.bytes.u64(at: at + 16),
        let link = table.bytes.u32(at: at + 40)
      else { throw .outside("a section header", offset: at) }
      let empty = type == shtNobits || type == 0
      sections.append(
        Section(
          name: names.dropFirst(Int(name)).nulTerminatedText, type: type, flags: flags,
          address: address,
          range: empty ? 0..<0 : try table.range("a section", offset: at + 24, size: at + 32),
          link: Int(link)))
    }
    return sections
  }

  /// The program or section headers.
  private struct Table {
    let bytes: [UInt8]
    /// The offset of each entry in `bytes`.
    let entries: [Int]
    let fileSize: Int

    /// The ELF header has the table's offset `at`, its entry size and count at `sizes`.
    init(
      _ file: FileContents, _ header: [UInt8], _ what: String, at: Int, sizes: Int, least: Int
    ) throws(Failure) {
      fileSize = file.count
      guard let start = header.u64(at: at), let size = header.u16(at: sizes).map(Int.init),
        let count = header.u16(at: sizes + 2).map(Int.init), count > 0
      else {
        (bytes, entries) = ([], [])
        return
      }
      guard size >= least, start <= UInt64(fileSize), Int(start) + size * count <= fileSize else {
        throw .outside(what, offset: Int(truncatingIfNeeded: start))
      }
      bytes = try file.bytes(Int(start)..<Int(start) + size * count)
      entries = (0..<count).map { size * $0 }
    }

    /// The range of the file that two words of an entry give by offset and size.
    func range(_ what: String, offset: Int, size: Int) throws(Failure) -> Range<Int> {
      guard let start = bytes.u64(at: offset), let size = bytes.u64(at: size) else {
        throw .outside(what, offset: offset)
      }
      let end = UInt64(fileSize)
      guard start <= end, size <= end - start else {
        throw .outside(what, offset: Int(truncatingIfNeeded: start))
      }
      return Int(start)..<Int(start + size)
    }
  }
}
