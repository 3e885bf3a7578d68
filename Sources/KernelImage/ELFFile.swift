import Bytes

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
    public let physicalAddress: UInt64
    /// Bytes of the file.
    public let range: Range<Int>
    /// Bytes in memory.
    public let memorySize: UInt64
  }

  public enum Failure: Error, Equatable, Sendable {
    case notELF
    /// A class or byte order that no supported kernel has.
    case not64BitLittleEndian
    /// Something reaches beyond the file's end: what, and the offset in the file where it begins.
    case outside(String, offset: Int)
  }

  public let bytes: [UInt8]
  /// `e_machine`.
  public let machine: UInt16
  public let sections: [Section]
  public let segments: [Segment]

  static let magic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46]
  public static let ptLoad: UInt32 = 1
  public static let ptNote: UInt32 = 4
  static let shtNobits: UInt32 = 8

  /// Reads the headers; the contents stay in `bytes`.
  public init(_ bytes: [UInt8]) throws(Failure) {
    guard bytes.starts(with: Self.magic) else { throw .notELF }
    guard bytes.u8(at: 4) == 2, bytes.u8(at: 5) == 1 else { throw .not64BitLittleEndian }
    guard bytes.count >= 64, let machine = bytes.u16(at: 18) else {
      throw .outside("the ELF header", offset: 0)
    }
    self.bytes = bytes
    self.machine = machine
    segments = try Self.segments(bytes)
    sections = try Self.sections(bytes)
  }

  public func section(_ name: String) -> Section? { sections.first { $0.name == name } }

  /// The bytes of a section, or nil when there is no such section.
  public func contents(of name: String) -> [UInt8]? { section(name).map { Array(bytes[$0.range]) } }

  private static func segments(_ bytes: [UInt8]) throws(Failure) -> [Segment] {
    var segments: [Segment] = []
    for at in try table(bytes, "program headers", offset: 32, entrySize: 54, count: 56, least: 56) {
      guard let type = bytes.u32(at: at), let virtual = bytes.u64(at: at + 16),
        let physical = bytes.u64(at: at + 24), let memorySize = bytes.u64(at: at + 40)
      else { throw .outside("a program header", offset: at) }
      segments.append(
        Segment(
          type: type, virtualAddress: virtual, physicalAddress: physical,
          range: try range(bytes, "a segment", offset: at + 8, size: at + 32),
          memorySize: memorySize))
    }
    return segments
  }

  private static func sections(_ bytes: [UInt8]) throws(Failure) -> [Section] {
    let headers = try table(
      bytes, "section headers", offset: 40, entrySize: 58, count: 60, least: 64)
    guard let nameTable = bytes.u16(at: 62), headers.indices.contains(Int(nameTable)) else {
      return []
    }
    let names = try range(
      bytes, "section names", offset: headers[Int(nameTable)] + 24,
      size: headers[Int(nameTable)] + 32)
    var sections: [Section] = []
    for at in headers {
      guard let name = bytes.u32(at: at), let type = bytes.u32(at: at + 4),
        let flags = bytes.u64(at: at + 8), let address = bytes.u64(at: at + 16),
        let link = bytes.u32(at: at + 40)
      else { throw .outside("a section header", offset: at) }
      let empty = type == shtNobits || type == 0
      sections.append(
        Section(
          name: names.dropFirst(Int(name)).isEmpty
            ? "" : bytes[names.dropFirst(Int(name))].nulTerminatedText,
          type: type, flags: flags, address: address,
          range: empty ? 0..<0 : try range(bytes, "a section", offset: at + 24, size: at + 32),
          link: Int(link)))
    }
    return sections
  }

  /// The offsets of a table's entries; the arguments are where the ELF header holds the table's
  /// offset, entry size and count.
  private static func table(
    _ bytes: [UInt8], _ what: String, offset: Int, entrySize: Int, count: Int, least: Int
  ) throws(Failure) -> [Int] {
    guard let start = bytes.u64(at: offset), let size = bytes.u16(at: entrySize),
      let count = bytes.u16(at: count), count > 0
    else { return [] }
    guard Int(size) >= least, start <= UInt64(bytes.count),
      Int(start) + Int(size) * Int(count) <= bytes.count
    else { throw .outside(what, offset: Int(truncatingIfNeeded: start)) }
    return (0..<Int(count)).map { Int(start) + Int(size) * $0 }
  }

  /// The range that two words of the file give by offset and size.
  private static func range(
    _ bytes: [UInt8], _ what: String, offset: Int, size: Int
  ) throws(Failure) -> Range<Int> {
    guard let start = bytes.u64(at: offset), let size = bytes.u64(at: size) else {
      throw .outside(what, offset: offset)
    }
    let end = UInt64(bytes.count)
    guard start <= end, size <= end - start else {
      throw .outside(what, offset: Int(truncatingIfNeeded: start))
    }
    return Int(start)..<Int(start + size)
  }
}
