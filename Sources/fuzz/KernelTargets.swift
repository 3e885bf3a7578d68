import GuestScopeBTF
import GuestScopeBytes

@testable import GuestScopeKernelImage

/// More types than any seed has.
private let typeLimit = 200

/// A BTF blob, of which everything is asked.
func types(_ bytes: [UInt8]) {
  if let btf = try? BTF(bytes) { ask(btf) }
}

/// Asks everything of types.
func ask(_ btf: BTF) {
  let ids = Array(btf.typeIDs)
  for id in [.void] + ids.prefix(typeLimit) + [btf.endID] {
    _ = try? btf.type(id)
    _ = try? btf.name(of: id)
    _ = btf.size(of: id)
    _ = try? btf.declaration(of: id, name: "x")
    for row in (try? btf.layout(of: id)) ?? [] { _ = try? btf.field(row.name, in: id) }
  }
  if ids.count < typeLimit { _ = try? btf.sourceInC() }
}

/// Read-only data, with tables of kallsyms somewhere in it.
func kallsyms(_ bytes: [UInt8]) {
  let region = MemoryRegion(bytes, address: 0xffff_ffff_8200_0000)
  guard let tables = KallsymsTables.search(region).tables else { return }
  guard let symbols = tables.symbols(in: region) else { return }
  precondition(symbols.count <= bytes.count)
  ask(symbols)
}

func elf(_ bytes: [UInt8]) {
  guard let file = try? ELFFile(bytes) else { return }
  for section in file.sections.prefix(64) { _ = try? file.contents(of: section.name) }
  _ = try? KernelFacts(bytes: bytes, name: "vmlinux")
}

/// A bzImage, an EFI zboot image, a unified kernel image: whatever a boot loader takes.
func kernelImage(_ bytes: [UInt8]) {
  guard let facts = try? KernelFacts(bytes: bytes, name: "vmlinuz") else { return }
  if let symbols = try? facts.symbols { ask(symbols) }
  _ = try? facts.types()
}

func ask(_ symbols: KernelSymbols) {
  _ = symbols.matching(glob: "*i*")
  _ = symbols.nearest(to: 0xffff_ffff_8100_0020)
  _ = symbols.names(prefix: "t")
}
