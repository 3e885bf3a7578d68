import Glibc
import GuestScopeGuestMemory
import GuestScopeKernelCache
import GuestScopeKernelImage
import GuestScopeLinuxKernel

@testable import Commands

/// A real guest as it was at one instant: its memory, the registers of its vCPUs, and what its kernel's
/// file says. Kept in a folder: `kernel` is that file, `ram` the physical memory from address 0 with
/// holes for pages of zeros, and `machine` has a line for each other thing.
final class Recording {
  let name: String
  private(set) var architecture = ""
  private(set) var cpus: [Int] = []
  private(set) var registers: [RegisterKey: UInt64] = [:]
  let ram: RAMMap
  let facts: KernelFacts
  /// A private mapping: what is written to it stays in this process.
  private let memory: UnsafeMutableRawBufferPointer

  struct Malformed: Error {
    var line: String
  }

  init(folder: String) throws {
    name = folder.split(separator: "/").last.map(String.init) ?? folder
    var regions: [Range<UInt64>] = []
    for line in String(decoding: try contents(of: folder + "/machine"), as: UTF8.self).split(
      separator: "\n")
    {
      let words = line.split(separator: " ").map(String.init)
      let numbers = words.dropFirst().compactMap { UInt64($0, radix: 16) }
      switch words.first {
      case "architecture" where words.count == 2: architecture = words[1]
      case "cpu" where numbers.count == 1: cpus.append(Int(numbers[0]))
      case "ram" where numbers.count == 2: regions.append(numbers[0]..<numbers[1])
      case "register" where words.count == 4:
        registers[RegisterKey(cpu: Int(words[1]) ?? 0, name: words[2])] = UInt64(
          words[3], radix: 16)
      default: throw Malformed(line: String(line))
      }
    }
    ram = RAMMap(regions)
    facts = try Self.facts(of: folder)
    memory = try mapped(folder + "/ram", count: Int(ram.end))
  }

  /// Decoded once, and kept beside the recording: every process that fuzzes needs them.
  private static func facts(of folder: String) throws -> KernelFacts {
    let cache = KernelCache(path: folder + "/cache") { print($0) }
    let session = silentSession(cache: cache)
    return try session.facts(ofFile: folder + "/kernel")
  }

  /// As of a session without a kernel file: where the guest's memory shows the recorded kernel, that need
  /// not be decoded.
  var factsInMemory: MemoryFacts {
    MemoryFacts(facts.architecture, known: [KnownKernel(facts)].compactMap(\.self))
  }

  func bytes(of range: PhysicalRange) -> [UInt8]? {
    guard ram.contains(range) else { return nil }
    let start = Int(range.start.rawValue)
    return Array(memory[start..<start + range.count])
  }

  /// The word at an address that is a multiple of eight, in RAM.
  subscript(address: UInt64) -> UInt64 {
    get { memory.load(fromByteOffset: Int(address), as: UInt64.self) }
    set { memory.storeBytes(of: newValue, toByteOffset: Int(address), as: UInt64.self) }
  }
}

/// The recordings of `GUESTSCOPE_FUZZ_GUESTS`, a folder of them.
func recordings() throws -> [Recording] {
  guard let parent = getenv("GUESTSCOPE_FUZZ_GUESTS").map({ String(cString: $0) }),
    let folder = opendir(parent)
  else { throw FileFailure(path: "GUESTSCOPE_FUZZ_GUESTS") }
  defer { closedir(folder) }
  var names: [String] = []
  while let entry = readdir(folder) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
      name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if !name.hasPrefix("."), !name.hasSuffix(".new") { names.append(name) }
  }
  return try names.sorted().map { try Recording(folder: parent + "/" + $0) }
}
