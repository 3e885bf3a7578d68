import GuestScopeBytes

/// The type information of a kernel or module: the contents of `.BTF` or of `/sys/kernel/btf/*`.
///
/// Reading a blob only finds where each type begins (Documentation/bpf/btf.rst); a type is decoded
/// when it is asked for. Nothing in the blob is trusted: a damaged one gives errors, never a crash
/// or an endless walk.
public final class BTF: Sendable {
  let blob: SharedBytes
  /// The kernel's BTF when this is a module's: its type ids and string offsets come before ours.
  public let base: BTF?
  /// Where our own types are.
  let index: TypeIndex
  let firstID: TypeID
  let firstString: UInt32
  let strings: Range<Int>

  /// One more than the highest type id; id 0 is `void`.
  public var endID: TypeID { TypeID(firstID.rawValue + UInt32(index.offsets.count)) }
  var endString: UInt32 { firstString + UInt32(strings.count) }

  /// Reads the header and finds the types. `base` is the kernel's BTF when the blob is a module's.
  public convenience init(_ blob: [UInt8], base: BTF? = nil) throws(BTFError) {
    try self.init(SharedBytes(blob), base: base)
  }

  /// The same of bytes that are not copied.
  public convenience init(_ blob: SharedBytes, base: BTF? = nil) throws(BTFError) {
    let header = try Header(blob)
    let names = Names(blob, header.strings, base: base)
    self.init(blob, header, base: base, index: try Self.scan(blob, header.types, names))
  }

  /// The same with the `storedIndex` that another value of these bytes had. A wrong one gives wrong
  /// types or errors, and never a crash.
  public convenience init(
    _ blob: SharedBytes, storedIndex: SharedBytes
  ) throws(BTFError) {
    let header = try Header(blob)
    guard let index = TypeIndex(storedIndex) else {
      throw .malformed("its stored index is damaged", offset: 0)
    }
    self.init(blob, header, base: nil, index: index)
  }

  private init(_ blob: SharedBytes, _ header: Header, base: BTF?, index: TypeIndex) {
    self.blob = blob
    self.base = base
    self.index = index
    firstID = base?.endID ?? TypeID(1)
    firstString = base?.endString ?? 0
    strings = header.strings
  }

  /// What reading found out, in a form that can be stored.
  public var storedIndex: SharedBytes { index.blob }

  /// `struct btf_header`, its two sections as ranges of the blob.
  struct Header {
    let types: Range<Int>
    let strings: Range<Int>

    static let magic: UInt16 = 0xeb9f

    init(_ blob: SharedBytes) throws(BTFError) {
      // Byte offsets are kept in 32 bits.
      guard blob.count < 1 << 30 else { throw .malformed("more than 1 GiB", offset: 1 << 30) }
      guard let magic = blob.u16(at: 0), let version = blob.u8(at: 2),
        let headerLength = blob.u32(at: 4), let typeOffset = blob.u32(at: 8),
        let typeLength = blob.u32(at: 12), let stringOffset = blob.u32(at: 16),
        let stringLength = blob.u32(at: 20)
      else { throw .malformed("the header ends early", offset: blob.count) }
      guard magic == Self.magic else {
        let what =
          magic == Self.magic.byteSwapped
          ? "it is big-endian" : "\(magic.hex) is not the magic number"
        throw .malformed(what, offset: 0)
      }
      guard version == 1 else { throw .malformed("version \(version) is not known", offset: 2) }
      guard headerLength >= 24, Int(headerLength) <= blob.count else {
        throw .malformed("a header of \(headerLength) bytes", offset: 4)
      }
      let typeStart = Int(headerLength) + Int(typeOffset)
      let stringStart = Int(headerLength) + Int(stringOffset)
      guard typeStart.isMultiple(of: 4), typeStart + Int(typeLength) <= blob.count else {
        throw .malformed("types do not fit into \(blob.count) bytes", offset: 8)
      }
      guard stringLength > 0, stringStart + Int(stringLength) <= blob.count else {
        throw .malformed("strings do not fit into \(blob.count) bytes", offset: 16)
      }
      types = typeStart..<typeStart + Int(typeLength)
      strings = stringStart..<stringStart + Int(stringLength)
      // A NUL at the end is what bounds every name.
      guard blob[strings.upperBound - 1] == 0 else {
        throw .malformed("the last string has no end", offset: strings.upperBound - 1)
      }
    }
  }

  /// The length of the blob whose header stands at an offset, or nil when that is not a header.
  ///
  /// For looking through memory: only the header's 24 bytes must be there, and it must look like
  /// those that pahole(1) writes, with the types first and the strings after them.
  public static func blobLength(at offset: Int, in bytes: [UInt8]) -> Int? {
    guard bytes.u32(at: offset) == UInt32(Header.magic) | 1 << 16,
      let header = bytes.u32(at: offset + 4), (24...64).contains(header),
      bytes.u32(at: offset + 8) == 0, let types = bytes.u32(at: offset + 12), types > 0,
      types.isMultiple(of: 4), let strings = bytes.u32(at: offset + 16),
      (UInt64(types)...UInt64(types) + 4096).contains(UInt64(strings)),
      let stringLength = bytes.u32(at: offset + 20), stringLength > 0
    else { return nil }
    return Int(header) + Int(strings) + Int(stringLength)
  }

  /// The one pass over all types: where each begins, and what those are called that are found by
  /// name.
  private static func scan(
    _ blob: SharedBytes, _ types: Range<Int>, _ names: Names
  ) throws(BTFError) -> TypeIndex {
    var offsets: [UInt32] = []
    var named: [UInt32] = []
    var hashes: [UInt32?] = []
    offsets.reserveCapacity(types.count / 20)
    var at = types.lowerBound
    while at < types.upperBound {
      guard at + 12 <= types.upperBound, let word = blob.u32(at: at + 4) else {
        throw .malformed("a type ends early", offset: at)
      }
      let info = Info(word)
      guard let kind = info.kind, kind != .void else {
        throw .malformed("kind \(info.rawKind) is not known", offset: at + 4)
      }
      if TypeIndex.finds(kind), let name = blob.u32(at: at).map({ BTFString(offset: $0) }),
        !name.isEmpty
      {
        named.append(UInt32(offsets.count))
        hashes.append(names.hash(name))
      }
      offsets.append(UInt32(at))
      at += 12 + info.trailingBytes(of: kind)
    }
    guard at == types.upperBound else {
      throw .malformed("the last type ends outside the types", offset: Int(offsets.last ?? 0))
    }
    return TypeIndex(offsets: offsets, named: named, hashes: hashes)
  }
}

/// The `info` word of a type. Kernel 7.x widens `vlen` to 24 bits and the kind to 7; the bits were
/// zero before.
struct Info {
  let word: UInt32

  init(_ word: UInt32) { self.word = word }

  var count: Int { Int(word & 0xff_ffff) }
  var rawKind: UInt8 { UInt8(word >> 24 & 0x7f) }
  var kind: BTFKind? { BTFKind(rawValue: rawKind) }
  var flag: Bool { word >> 31 != 0 }

  /// Bytes after the 12 bytes that every type has.
  func trailingBytes(of kind: BTFKind) -> Int {
    switch kind {
    case .int, .var, .declTag: 4
    case .array: 12
    case .struct, .union, .datasec, .enum64: 12 * count
    case .enum, .funcProto: 8 * count
    case .void, .ptr, .fwd, .typedef, .volatile, .const, .restrict, .func, .float, .typeTag: 0
    }
  }
}
