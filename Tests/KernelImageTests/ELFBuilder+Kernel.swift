import GuestScopeBytes
import TestSupport

extension ELFBuilder {
  static let buildID: [UInt8] = (1...20).map { $0 }
  static let banner = "Linux version 6.1.0-test (builder@host) (gcc 12) #1 SMP"
  static let btf: [UInt8] = [0x9f, 0xeb, 1, 0] + [UInt8](repeating: 7, count: 100)

  /// `.notes` as x86 kernels have it: a Xen note in front.
  static let notes: [UInt8] = {
    var notes: [UInt8] = []
    for (name, type, descriptor) in [("Xen", 3, [1, 2, 3] as [UInt8]), ("GNU", 3, buildID)] {
      for word in [name.utf8.count + 1, descriptor.count, type] {
        notes.append(littleEndian: UInt32(word))
      }
      notes += Array(name.utf8) + [0] + descriptor
      while !notes.count.isMultiple(of: 4) { notes.append(0) }
    }
    return notes
  }()

  /// A stripped vmlinux with kallsyms tables.
  static func kernel(_ layout: KallsymsBuilder.Layout = .b) -> ELFBuilder {
    let text = KallsymsBuilder.text
    let rodataAddress = text + 0x100_0000
    var rodata = [UInt8](repeating: 0, count: 40 * 1024)
    rodata += Array((banner + "\n").utf8) + [0]
    while !rodata.count.isMultiple(of: 64) { rodata.append(0) }
    let kallsyms = KallsymsBuilder(layout: layout, symbols: KallsymsBuilder.sampleSymbols)
    rodata += kallsyms.bytes(at: rodataAddress + UInt64(rodata.count))
    return ELFBuilder(sections: [
      Section(
        name: ".text", flags: 6, address: text, contents: [UInt8](repeating: 0x90, count: 4096)),
      Section(name: ".rodata", address: rodataAddress, contents: rodata),
      Section(name: ".notes", type: 7, address: rodataAddress + 0x10_0000, contents: notes),
      Section(name: ".BTF", address: rodataAddress + 0x20_0000, contents: btf),
    ])
  }
}
