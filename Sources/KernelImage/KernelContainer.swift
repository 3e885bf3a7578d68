import GuestScopeBytes

/// The kernel inside of a file, out of every wrapping.
enum KernelContainer {
  case elf([UInt8])
  /// An arm64 Image (Documentation/arch/arm64/booting.rst): the kernel's memory from `_text` on.
  case image([UInt8])

  /// No kernel is as big: a bound for what a damaged or hostile stream expands to.
  static let maxSize = 1 << 30

  /// Unwraps ELF, bzImage, EFI zboot, Image, or any of them compressed as a whole, in a unified
  /// kernel image or in U-Boot's legacy image.
  init(_ file: [UInt8]) throws(KernelImageError.Reason) {
    var bytes = file
    // A compressed unified kernel image with a compressed zboot kernel has five layers; more is no
    // kernel.
    for _ in 0..<6 {
      if bytes.starts(with: ELFFile.magic) {
        self = .elf(bytes)
        return
      }
      if let kernel = try embeddedKernel(in: bytes) {
        bytes = Array(bytes[kernel])
        continue
      }
      guard let payload = try Payload(bytes) else {
        guard Self.isImage(bytes) else { break }
        self = .image(bytes)
        return
      }
      bytes = try payload.decompressed(bytes)
    }
    throw .notAKernel
  }

  /// True for an arm64 Image without any wrapping: "ARM\x64" is in its header, and no other has it.
  static func isImage(_ file: [UInt8]) -> Bool { file.u32(at: 56) == 0x644d_5241 }
}

/// The compressed stream in a file.
private struct Payload {
  let range: Range<Int>
  let compression: Compression
  /// The size that the file says the stream expands to.
  let storedSize: Int?

  /// The payload of a file, or nil when the file is not compressed.
  init?(_ file: [UInt8]) throws(KernelImageError.Reason) {
    if let payload = try Self.bzImage(file) {
      self = payload
    } else if let payload = try Self.zboot(file) {
      self = payload
    } else if let compression = Compression(file[...]) {
      self.init(range: file.indices, compression: compression, storedSize: nil)
    } else {
      return nil
    }
  }

  private init(range: Range<Int>, compression: Compression, storedSize: Int?) {
    self.range = range
    self.compression = compression
    self.storedSize = storedSize
  }

  /// The payload of an x86 bzImage: the setup header of Documentation/arch/x86/boot.rst.
  private static func bzImage(_ file: [UInt8]) throws(KernelImageError.Reason) -> Payload? {
    let hdrS: UInt32 = 0x5372_6448
    guard file.u32(at: 0x202) == hdrS, let version = file.u16(at: 0x206), version >= 0x208,
      let sectors = file.u8(at: 0x1f1), let offset = file.u32(at: 0x248),
      let length = file.u32(at: 0x24c)
    else { return nil }
    let start = (Int(sectors == 0 ? 4 : sectors) + 1) * 512 + Int(offset)
    return try payload(file, start..<start + Int(length))
  }

  /// The payload of an EFI zboot image: drivers/firmware/efi/libstub/zboot-header.S.
  private static func zboot(_ file: [UInt8]) throws(KernelImageError.Reason) -> Payload? {
    let (mz, zimg): (UInt16, UInt32) = (0x5a4d, 0x676d_697a)
    guard file.u16(at: 0) == mz, file.u32(at: 4) == zimg, let offset = file.u32(at: 8),
      let length = file.u32(at: 12)
    else { return nil }
    // The header's length leaves out the appended size, which gzip does not have.
    let range = Int(offset)..<Int(offset) + Int(length)
    let appended = file.bytes(at: range.lowerBound, count: 2).map { Compression($0) } != .gzip
    return try payload(file, range.lowerBound..<range.upperBound + (appended ? 4 : 0))
  }

  /// A payload that ends in its uncompressed size: appended by the build, part of the stream only
  /// with gzip.
  private static func payload(
    _ file: [UInt8], _ range: Range<Int>
  ) throws(KernelImageError.Reason) -> Payload? {
    guard range.upperBound <= file.count, range.count > 4 else {
      throw .truncated(size: file.count, needed: range.upperBound)
    }
    guard let compression = Compression(file[range]) else {
      let magic = file[range].prefix(4).hex
      throw .unsupportedCompression("unknown magic \(magic)")
    }
    let size = file.u32(at: range.upperBound - 4).map(Int.init)
    let end = compression == .gzip ? range.upperBound : range.upperBound - 4
    return Payload(range: range.lowerBound..<end, compression: compression, storedSize: size)
  }

  func decompressed(_ file: [UInt8]) throws(KernelImageError.Reason) -> [UInt8] {
    let limit = KernelContainer.maxSize
    guard storedSize ?? 0 <= limit else { throw .tooBig(limit: limit) }
    let bytes = try decompress(
      file[range], compression, sizeHint: storedSize ?? 4 * range.count,
      limit: storedSize ?? limit)
    if let storedSize, bytes.count != storedSize {
      throw .wrongSize(bytes.count, stored: storedSize)
    }
    guard bytes.count <= limit else { throw .tooBig(limit: limit) }
    return bytes
  }
}
