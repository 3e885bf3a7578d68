import GuestScopeBytes

/// The text of `linux_banner` (init/version-timestamp.c) in a region, without the newline, or nil.
///
/// It is looked for backwards: from the kallsyms tables, which it lies directly in front of, or
/// from its own address. With neither it is the last one in the region.
package func linuxBanner(in region: MemoryRegion, upTo address: UInt64?) -> String? {
  let start = Array("Linux version ".utf8)
  guard let first = start.u32(at: 0) else { return nil }
  let last = address.flatMap(region.offset(of:)) ?? region.end - 1
  for at in stride(from: last, through: 0, by: -1) where region.bytes.u32(at: at) == first {
    guard let digit = region.bytes.u8(at: at + start.count), (0x30...0x39).contains(digit),
      region.bytes[at..<at + start.count].elementsEqual(start),
      let end = region.bytes[at...].prefix(1024).firstIndex(of: UInt8(ascii: "\n"))
    else { continue }
    return String(decoding: region.bytes[at..<end], as: UTF8.self)
  }
  return nil
}

extension String {
  /// The release in a banner, as `uname -r` prints it.
  package var kernelRelease: String? {
    let words = split(separator: " ")
    return words.count > 2 ? String(words[2]) : nil
  }
}
