import GuestScopeBytes

/// The build-id in ELF notes: the descriptor of the `NT_GNU_BUILD_ID` note of owner "GNU", or nil.
///
/// Notes are iterated as elf(5) says: a header of 12 bytes, then name and descriptor, each padded
/// to 4 bytes.
public func gnuBuildID(inNotes notes: [UInt8]) -> [UInt8]? {
  let ntGNUBuildID: UInt32 = 3
  var at = 0
  while let nameSize = notes.u32(at: at), let descriptorSize = notes.u32(at: at + 4),
    let type = notes.u32(at: at + 8)
  {
    let name = at + 12
    let descriptor = name + (Int(nameSize) + 3) / 4 * 4
    if type == ntGNUBuildID,
      notes.bytes(at: name, count: Int(nameSize))?.elementsEqual([0x47, 0x4e, 0x55, 0]) == true
    {
      return notes.bytes(at: descriptor, count: Int(descriptorSize)).map(Array.init)
    }
    at = descriptor + (Int(descriptorSize) + 3) / 4 * 4
  }
  return nil
}
