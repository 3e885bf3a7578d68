import CGuestScopeArchive
import GuestScopeBytes

/// One stream of a compression as libarchive writes it: "gzip", "xz", "zstd", "lz4", "bzip2" or
/// "lzma".
func compressed(_ bytes: [UInt8], _ filter: String) -> [UInt8] {
  guard let archive = archive_write_new(), let entry = archive_entry_new() else { return [] }
  defer {
    archive_entry_free(entry)
    archive_write_free(archive)
  }
  archive_write_add_filter_by_name(archive, filter)
  archive_write_set_format_raw(archive)
  archive_write_set_bytes_in_last_block(archive, 1)
  var out = [UInt8](repeating: 0, count: 2 * bytes.count + 65536)
  var used = 0
  out.withUnsafeMutableBytes { buffer in
    archive_write_open_memory(archive, buffer.baseAddress, buffer.count, &used)
    archive_entry_set_filetype(entry, 0o100000)
    archive_write_header(archive, entry)
    _ = bytes.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
    archive_write_close(archive)
  }
  return Array(out[..<used])
}

/// The format of `lz4 -l`, which the kernel's build uses: blocks of 8 MiB, here of literals only.
func legacyLZ4(_ bytes: [UInt8], blockSize: Int = 8 << 20) -> [UInt8] {
  var out: [UInt8] = [0x02, 0x21, 0x4c, 0x18]
  for start in stride(from: 0, to: bytes.count, by: blockSize) {
    let literals = bytes[start..<min(start + blockSize, bytes.count)]
    var block: [UInt8] = [0xf0]
    var rest = literals.count - 15
    while rest >= 255 {
      block.append(255)
      rest -= 255
    }
    block.append(UInt8(rest))
    block += literals
    out.append(littleEndian: UInt32(block.count))
    out += block
  }
  return out
}

/// An x86 bzImage around a compressed kernel: the setup sectors, the header and the payload with
/// its size behind it.
func bzImage(_ payload: [UInt8], size: Int, appendsSize: Bool = true) -> [UInt8] {
  var image = [UInt8](repeating: 0, count: 5 * 512 + 64)
  func put(_ bytes: [UInt8], at offset: Int) {
    image.replaceSubrange(offset..<offset + bytes.count, with: bytes)
  }
  func u32(_ value: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt32(value))
    return bytes
  }
  let stream = payload + (appendsSize ? u32(size) : [])
  put([4], at: 0x1f1)
  put(Array("HdrS".utf8) + [0x0f, 0x02], at: 0x202)
  put(u32(64), at: 0x248)
  put(u32(stream.count), at: 0x24c)
  return image + stream + [UInt8](repeating: 0xcc, count: 100)
}

/// An EFI zboot image: "MZ", "zimg", where the payload is, and the name of the compression.
func zboot(_ payload: [UInt8], size: Int, appendsSize: Bool = true) -> [UInt8] {
  var image: [UInt8] = [0x4d, 0x5a, 0, 0] + Array("zimg".utf8)
  for word in [512, payload.count, 0, 0] { image.append(littleEndian: UInt32(word)) }
  image += [UInt8](repeating: 0, count: 512 - image.count) + payload
  if appendsSize { image.append(littleEndian: UInt32(size)) }
  return image + [UInt8](repeating: 0xcc, count: 100)
}
