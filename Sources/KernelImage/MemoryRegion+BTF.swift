import GuestScopeBTF
import GuestScopeBytes

extension MemoryRegion {
  /// Headers of BTF of which the rest is read: a kernel has a handful.
  private static let mostHeaders = 64

  /// The kernel's BTF: between its two symbols, or where a header stands (without
  /// CONFIG_KALLSYMS_ALL). Nil where the region has none that can be read.
  package func btf(_ symbols: KernelSymbols?) -> (address: UInt64, blob: SharedBytes)? {
    // The magic number: a file that was stripped of its BTF has zeros there.
    if let start = symbols?.address(of: "__start_BTF"),
      let end = symbols?.address(of: "__stop_BTF"), let place = offsets(from: start, to: end),
      bytes[place].starts(with: [0x9f, 0xeb])
    {
      return (start, shared(place))
    }
    // BPF programs that are built into a kernel have BTF too, which is smaller.
    var largest: (address: UInt64, blob: SharedBytes)?
    var headers = 0
    for at in stride(from: 0, to: end, by: 4) {
      guard let length = BTF.blobLength(at: at, in: bytes), length > largest?.blob.count ?? 0,
        length <= end - at, headers < Self.mostHeaders
      else { continue }
      headers += 1
      let blob = shared(at..<at + length)
      if (try? BTF(blob)) != nil { largest = (address(of: at), blob) }
    }
    return largest
  }

  /// The notes: between the symbols of `.notes`, or else the build-id's own in front of the BTF,
  /// which `.notes` precedes by a page at most.
  package func notes(
    _ symbols: KernelSymbols?, btfAddress: UInt64?
  ) -> (address: UInt64, bytes: [UInt8])? {
    if let start = symbols?.address(of: "__start_notes"),
      let end = symbols?.address(of: "__stop_notes"), let notes = bytes(from: start, to: end)
    {
      return (start, notes)
    }
    guard let btf = btfAddress.flatMap(offset(of:)) else { return nil }
    // A note of 20 bytes: its header and owner. Programs in the image (the vDSO) have one too, but
    // not near the BTF.
    let header: [UInt8] = [4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 0x47, 0x4e, 0x55, 0]
    let lowest = max(0, btf - 64 * 1024)
    for at in stride(from: aligned(btf - 36, to: 4), through: lowest, by: -4) {
      guard let note = bytes.bytes(at: at, count: 36), note.starts(with: header) else { continue }
      return (address(of: at), Array(note))
    }
    return nil
  }
}
