import CGuestScopeFuzzer
import Glibc

/// What one input is given to. It must come to an end, within bounds; what it finds wrong besides is a
/// `precondition`.
typealias FuzzTarget = @Sendable ([UInt8]) -> Void

/// The callback of libFuzzer gets at nothing but globals.
private nonisolated(unsafe) var chosen: FuzzTarget = { _ in }

/// libFuzzer on one part of the program; scripts/fuzz runs it.
@main
struct FuzzMain {
  private static let usage = """
    Usage: fuzz TARGET [LIBFUZZER OPTIONS…] [CORPUS…]
           fuzz list
           fuzz seeds TARGET FOLDER          writes inputs to begin with
    """

  static func main() throws {
    var arguments = CommandLine.arguments
    switch arguments.dropFirst().first {
    case "list":
      for name in targets.map(\.key) { print(name) }
      return
    case "seeds" where arguments.count == 4:
      for (index, seed) in seeds(of: arguments[2]).enumerated() {
        try write(seed, "\(arguments[3])/seed-\(index)")
      }
      return
    default: break
    }
    guard arguments.count > 1, let target = targets.first(where: { $0.key == arguments[1] }) else {
      print(usage)
      exit(64)
    }
    arguments.remove(at: 1)
    chosen = target.value
    var words = arguments.map { strdup($0) } + [nil]
    var count = Int32(arguments.count)
    let status = words.withUnsafeMutableBufferPointer { words in
      var start = words.baseAddress
      return LLVMFuzzerRunDriver(&count, &start) { bytes, count in
        chosen(Array(UnsafeBufferPointer(start: bytes, count: count)))
        return 0
      }
    }
    exit(status)
  }
}

/// The parsers, by name.
let targets: KeyValuePairs<String, FuzzTarget> = [
  "packets": packets, "target-xml": targetDescription, "monitor": monitorText, "btf": types,
  "kallsyms": kallsyms, "elf": elf, "image": kernelImage,
]

/// A failed write ends the run.
func write(_ bytes: [UInt8], _ path: String) throws {
  guard let file = fopen(path, "w") else { throw FileFailure(path: path) }
  defer { fclose(file) }
  guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw FileFailure(path: path) }
}

struct FileFailure: Error, CustomStringConvertible {
  var path: String
  var description: String {
    "\(path) cannot be written: \(String(cString: strerror(errno)))"
  }
}
