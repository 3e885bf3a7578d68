import GuestScopeBytes

/// Where a file for a boot loader has the kernel in it, or nil for any other file.
///
/// - Throws: `fit` for a FIT image, which holds several kernels or none.
func embeddedKernel(in file: [UInt8]) throws(KernelImageError.Reason) -> Range<Int>? {
  guard !UBootImage.isFIT(file) else { throw .fit }
  if let kernel = try UnifiedKernelImage.kernel(in: file) { return kernel }
  return try UBootImage.kernel(in: file)
}

/// A unified kernel image: a PE file for UEFI whose section `.linux` is the kernel, as systemd-stub
/// and Ubuntu's stub for arm64 have it (the UAPI group's "Unified Kernel Image").
///
/// An x86 bzImage and an arm64 Image are PE files too, without such a section.
private enum UnifiedKernelImage {
  /// Where the kernel lies in the file, or nil when the file is not a unified kernel image.
  static func kernel(in file: [UInt8]) throws(KernelImageError.Reason) -> Range<Int>? {
    let (mz, pe): (UInt16, UInt32) = (0x5a4d, 0x0000_4550)
    guard file.u16(at: 0) == mz, let header = file.u32(at: 0x3c).map(Int.init),
      file.u32(at: header) == pe, let count = file.u16(at: header + 6),
      let optionalHeaderSize = file.u16(at: header + 20)
    else { return nil }
    let name = Array(".linux\0\0".utf8)
    for index in 0..<Int(count) {
      let section = header + 24 + Int(optionalHeaderSize) + 40 * index
      guard file.bytes(at: section, count: name.count)?.elementsEqual(name) == true,
        let virtualSize = file.u32(at: section + 8), let rawSize = file.u32(at: section + 16),
        let start = file.u32(at: section + 20).map(Int.init)
      else { continue }
      // The raw size is rounded up; some tools leave the other one at 0.
      let size = virtualSize == 0 ? rawSize : min(virtualSize, rawSize)
      return try checked(start..<start + Int(size), of: file)
    }
    return nil
  }
}

/// The formats of the boot loader U-Boot.
private enum UBootImage {
  /// Where the kernel lies in a legacy image, "uImage" (include/image.h of U-Boot: 64 bytes of
  /// header, big-endian), or nil when the file is none.
  ///
  /// What the header says of compression is not needed: the stream says it, too.
  static func kernel(in file: [UInt8]) throws(KernelImageError.Reason) -> Range<Int>? {
    // IH_TYPE_KERNEL and IH_TYPE_KERNEL_NOLOAD.
    let (magic, kernels): (UInt32, [UInt8]) = (0x2705_1956, [2, 14])
    guard file.u32(at: 0)?.byteSwapped == magic, let size = file.u32(at: 12)?.byteSwapped,
      let type = file.u8(at: 30)
    else { return nil }
    guard kernels.contains(type) else { throw .notAKernelOfUBoot(type: type) }
    return try checked(64..<64 + Int(size), of: file)
  }

  /// True for a flattened device tree, which is what a FIT image is.
  static func isFIT(_ file: [UInt8]) -> Bool { file.u32(at: 0)?.byteSwapped == 0xd00d_feed }
}

private func checked(
  _ range: Range<Int>, of file: [UInt8]
) throws(KernelImageError.Reason) -> Range<Int> {
  guard range.upperBound <= file.count else {
    throw .truncated(size: file.count, needed: range.upperBound)
  }
  return range
}
