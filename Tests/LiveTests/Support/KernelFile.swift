import Foundation
import TestSupport

@testable import GuestScopeKernelImage

/// The vmlinux inside of a guest's kernel, to be changed and written to a file of its own.
struct KernelFile {
  private var elf: ELFBuilder
  private let image: KernelFacts

  init(_ guest: LiveGuest) throws {
    let file = try Data(contentsOf: URL(fileURLWithPath: guest.kernel))
    guard case .elf(let bytes) = try KernelContainer(Array(file)) else {
      throw KernelImageError(name: guest.kernel, reason: .notAKernel)
    }
    image = try KernelFacts(bytes: bytes, name: guest.kernel)
    let real = try ELFFile(bytes)
    elf = ELFBuilder(
      sections: try real.sections.filter { !["", ".shstrtab"].contains($0.name) }.map { section in
        ELFBuilder.Section(
          name: section.name, type: section.type, flags: section.flags, address: section.address,
          contents: try real.bytes(section.range))
      })
  }

  /// As `objcopy --remove-section` leaves it: its symbols say where the BTF was.
  mutating func removeBTF() {
    elf.sections.removeAll { $0.name == ".BTF" }
  }

  /// As CONFIG_KALLSYMS=n leaves it: kallsyms is in `.rodata`.
  mutating func removeKallsyms() {
    for index in elf.sections.indices where elf.sections[index].name == ".rodata" {
      elf.sections[index].contents = [UInt8](
        repeating: 0, count: elf.sections[index].contents.count)
    }
  }

  mutating func renameSection(_ name: String, to new: String) {
    for index in elf.sections.indices where elf.sections[index].name == name {
      elf.sections[index].name = new
    }
  }

  /// Adds `.symtab`, as a kernel has that one built oneself.
  mutating func addSymbolTable(renaming names: [String: String] = [:]) throws {
    let text = UInt16(1 + (elf.sections.firstIndex { $0.name == ".text" } ?? 0))
    let global: UInt8 = 0x10
    elf.addSymbols(try image.symbols.map { (names[$0.name] ?? $0.name, global, text, $0.address) })
  }

  /// Runs a test with a file of this kernel.
  func written<T>(_ body: (String) throws -> T) throws -> T {
    try withFile(Data(elf.bytes), body)
  }
}

/// Runs a test with a file of its own, which ends with the test.
func withFile<T>(_ contents: Data, _ body: (String) throws -> T) throws -> T {
  let file = FileManager.default.temporaryDirectory
    .appendingPathComponent("gs-\(UUID().uuidString)")
  try contents.write(to: file)
  defer { try? FileManager.default.removeItem(at: file) }
  return try body(file.path)
}
