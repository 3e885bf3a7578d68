import Foundation
import GuestScopeBytes
import TestSupport

@testable import GuestScopeKernelCache
@testable import GuestScopeKernelImage

/// A cache in a folder of its own, and a kernel that is small enough to be damaged everywhere.
final class CacheSample {
  private let parent: TemporaryFolder
  var folder: String { parent.path(of: "guestscope") }
  private(set) var notices: [String] = []

  init() throws { parent = try TemporaryFolder() }

  /// A cache as a new process has it.
  func cache(limit: Int = KernelCache.usualLimit) -> KernelCache {
    KernelCache(path: folder, limit: limit) { [unowned self] in notices.append($0) }
  }

  func takeNotices() -> [String] {
    defer { notices = [] }
    return notices
  }

  static let buildID: [UInt8] = (1...20).map { $0 }
  static let base: UInt64 = 0xffff_ffff_8100_0000

  static func facts(
    _ name: String = "vmlinuz", buildID: [UInt8] = buildID, release: String = "6.1.0-sample"
  ) -> KernelFacts {
    var types = BTFBuilder()
    types.int("int", size: 4)
    types.composite(.struct, "idr", size: 8, [("next", 1, 32)])
    var note: [UInt8] = [4, 0, 0, 0, UInt8(buildID.count), 0, 0, 0, 3, 0, 0, 0]
    note += Array("GNU\0".utf8) + buildID
    let symbols: [(String, UInt64, Character)] = [
      ("percpu", 24, "A"), ("_text", base, "T"), ("twice", base + 16, "t"),
      ("map_idr", base + 32, "d"),
      ("twice", base + 48, "t"), ("prog_idr.llvm.77", base + 64, "d"),
    ]
    return KernelFacts(
      origin: .init(name: name, kind: .vmlinuz), architecture: .x86,
      banner: "Linux version \(release) (builder)", notes: (base + 0x1000, note),
      btf: SharedBytes(types.blob), baseAddress: base,
      symbols: KernelSymbols(symbols.map { .init(name: $0.0, address: $0.1, type: $0.2) }))
  }

  var kernelFile: String { folder + "/kernels/" + Self.buildID.hex }

  func contents(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  func write(_ bytes: [UInt8], _ path: String) throws {
    // In place, as only somebody else does it: no cache has the file mapped here.
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    chmod(path, 0o600)
  }

  /// All files but folders, relative to the cache.
  func files() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder).filter {
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: folder + "/" + $0, isDirectory: &isFolder)
        && !isFolder.boolValue
    }
  }

  func setAge(_ path: String, seconds: Int) {
    let then = timespec(tv_sec: time(nil) - seconds, tv_nsec: 0)
    utimensat(AT_FDCWD, path, [then, then], 0)
  }
}

/// All that facts say, so that two can be compared.
func summary(_ facts: KernelFacts?) -> [String]? {
  guard let facts else { return nil }
  let symbols = (try? facts.symbols).map { symbols in
    symbols.map { "\($0.name) \($0.address) \($0.type)" } + [
      "\(symbols.slid(by: 4096).address(of: "map_idr") ?? 0)",
      "\((try? symbols.named("twice").count) ?? 0) \(symbols.address(of: "prog_idr") ?? 0)",
    ]
  }
  let types = (try? facts.types()).map { types in
    types.typeIDs.map { (try? types.declaration(of: $0)) ?? "" } + [
      "\((try? types.requiredField("next", of: "idr").offset) ?? 0)"
    ]
  }
  return [
    facts.architecture.rawValue, facts.banner ?? "", facts.buildID?.hex ?? "",
    "\(facts.buildIDNote.map { "\($0)" } ?? "")", "\(facts.baseAddress)",
  ] + (symbols ?? ["no symbols"]) + (types ?? ["no types"])
}

extension KernelFacts.Origin {
  /// As the cache gives it.
  var kept: Self { Self(name: name, kind: kind, isKept: true) }
}
