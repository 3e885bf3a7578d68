import Bytes

/// The text of `linux_banner` (init/version-timestamp.c) in a region, without the newline, or nil.
///
/// It lies directly in front of the kallsyms tables, so looking backwards from them finds it at
/// once.
func linuxBanner(in region: MemoryRegion, before tables: KallsymsTables?) -> String? {
  let start = Array("Linux version ".utf8)
  guard let first = start.u32(at: 0) else { return nil }
  let end = tables.flatMap { region.offset(of: $0.startAddress) } ?? region.end
  for at in (region.start..<end).reversed() where region.bytes.u32(at: at) == first {
    guard let digit = region.bytes.u8(at: at + start.count), (0x30...0x39).contains(digit),
      region.bytes[at..<at + start.count].elementsEqual(start)
    else { continue }
    let line = region.bytes[at..<region.end].prefix(1024)
    guard let end = line.firstIndex(of: UInt8(ascii: "\n")) else { continue }
    return String(decoding: line[..<end], as: UTF8.self)
  }
  return nil
}
