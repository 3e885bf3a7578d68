import GuestScopeBTF
import GuestScopeBytes
import GuestScopeKernelImage
import TestSupport

@testable import Commands
@testable import GuestScopeKernelCache

private let buildID = [UInt8](1...20)

/// A file of the cache, after a byte that says what it is to hold, and whether its header is whole: no
/// input would get by the checksum otherwise.
func cacheFile(_ bytes: [UInt8]) {
  guard let first = bytes.first else { return }
  let given = SharedBytes(Array(bytes.dropFirst()))
  let kind = CacheFile.Kind(rawValue: UInt32(first) % 4 + 1) ?? .kernel
  let contents: SharedBytes
  if first & 4 == 0 {
    guard let read = try? CacheFile.contents(of: given, kind) else { return }
    contents = read
  } else {
    contents = given
  }
  switch kind {
  case .kernel:
    let cache = KernelCache(path: "/nonexistent") { _ in }
    if let facts = cache.facts(buildID, in: contents) { ask(facts) }
  case .note: _ = KernelNote(contents)
  case .file:
    _ = TaggedFields<FileField>(contents).flatMap(FileIdentity.init)
  case .guest:
    _ = KernelCache.recordName(in: contents)
    guard let record = try? GuestRecord(Array(contents)) else { return }
    let again = try? GuestRecord(record.bytes)
    precondition(again?.says(asMuchAs: record) == true)
  }
}

/// The kernel of a file of the cache.
private func ask(_ facts: KernelFacts) {
  if let symbols = try? facts.symbols { ask(symbols) }
  _ = facts.noteDistances
  guard let types = try? facts.types() else { return }
  ask(types)
  for name in ["task_struct", "bpf_prog", "int"] {
    _ = types.ids(named: name)
  }
}

/// A small kernel and its note, with headers and without.
func cacheSeeds() -> [[UInt8]] {
  guard let facts = try? KernelFacts(bytes: sampleKernel, name: "vmlinux") else { return [] }
  var fields = TaggedFields<KernelField>()
  fields[.facts] = facts.stored
  fields[number: .checksum] = facts.stored.checksum
  fields[text: .name] = facts.origin.name
  fields[text: .kind] = facts.origin.kind.rawValue
  let kernel = fields.bytes
  let file = Array(CacheFile.header(.kernel, kernel)) + Array(kernel)
  return [[0] + file, [4] + Array(kernel)]
}
