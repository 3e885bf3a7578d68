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
           fuzz record ADDRESS FOLDER        records a guest, whose kernel is there already
    """

  private static func target(_ name: String) -> Target? { targets.first { $0.name == name } }

  static func main() throws {
    var arguments = CommandLine.arguments
    switch arguments.dropFirst().first {
    case "list":
      for target in targets { print(target.name) }
      return
    case "seeds" where arguments.count == 4:
      for (index, seed) in (try target(arguments[2])?.seeds() ?? []).enumerated() {
        try write(seed, "\(arguments[3])/seed-\(index)")
      }
      return
    case "record" where arguments.count == 4:
      return try record(arguments[2], in: arguments[3])
    default: break
    }
    guard arguments.count > 1, let target = target(arguments[1]) else {
      print(usage)
      exit(64)
    }
    arguments.remove(at: 1)
    chosen = try target.prepare()
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
