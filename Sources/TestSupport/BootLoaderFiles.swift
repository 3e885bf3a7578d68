import GuestScopeBytes

/// A PE file with one section of a name, as `objcopy --add-section` makes it on systemd-stub, and a
/// certificate table behind it.
public func peFile(_ section: String, _ contents: [UInt8], virtualSize: Int? = nil) -> [UInt8] {
  var file: [UInt8] = [0x4d, 0x5a] + [UInt8](repeating: 0, count: 0x3a)
  let start = 1024
  let padded = (contents.count + 511) / 512 * 512
  file.append(littleEndian: UInt32(0x80))
  file += [UInt8](repeating: 0, count: 0x80 - file.count) + Array("PE\0\0".utf8)
  for half in [0x8664, 2, 0, 0, 0, 0, 0, 0, 240, 0x206] { file.append(littleEndian: UInt16(half)) }
  file += [UInt8](repeating: 0xee, count: 240)
  for (name, size, raw, at) in [
    (".text", 16, 512, 512), (section, virtualSize ?? contents.count, padded, start),
  ] {
    file += Array(name.utf8) + [UInt8](repeating: 0, count: 8 - name.utf8.count)
    for word in [size, 0x1000, raw, at] { file.append(littleEndian: UInt32(word)) }
    file += [UInt8](repeating: 0, count: 16)
  }
  file += [UInt8](repeating: 0, count: start - file.count) + contents
  file += [UInt8](repeating: 0, count: padded - contents.count)
  return file + [UInt8](repeating: 0xab, count: 1500)
}

/// U-Boot's legacy image: 64 bytes of header in front of the data.
public func uImage(_ contents: [UInt8], type: UInt8 = 2) -> [UInt8] {
  var header: [UInt8] = []
  for word in [0x2705_1956, 0, 0, UInt32(contents.count), 0, 0, 0] as [UInt32] {
    header.append(littleEndian: word.byteSwapped)
  }
  header += [5, 22, type, 1] + [UInt8](repeating: 0, count: 32)
  return header + contents + [0xff, 0xff]
}
