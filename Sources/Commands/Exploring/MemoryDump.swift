import ArgumentParser
import GuestScopeBytes
import GuestScopeGuestMemory

/// Memory that `read` and `pread` show: what of a stretch could be read.
struct MemoryDump {
  /// Readable stretches, ascending, not adjacent.
  private(set) var segments: [(address: UInt64, bytes: [UInt8])] = []

  mutating func append(_ bytes: [UInt8], at address: UInt64) {
    if let last = segments.last, last.address &+ UInt64(last.bytes.count) == address {
      segments[segments.count - 1].bytes += bytes
    } else {
      segments.append((address, bytes))
    }
  }

  /// Reads page by page: each page from one instant, so that a long stretch takes many short stops.
  static func read(
    _ address: UInt64, count: Int, in view: MemoryView,
    _ bytes: (UInt64, Int) throws(ReadFault) -> [UInt8]
  ) throws(ReadFault) -> MemoryDump {
    var dump = MemoryDump()
    var done = 0
    while done < count {
      let start = address &+ UInt64(done)
      let stretch = min(count - done, 4096 - Int(start & 0xfff))
      let key = ObjectKey("page", id: start & ~0xfff, at: KernelVirtualAddress(start))
      let page = try view.object(key) { () throws(ReadFault) in try bytes(start, stretch) }
      if let page { dump.append(page, at: start) }
      done += stretch
    }
    return dump
  }

  /// How to show memory: gdb's and crash's letters.
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case hex, x8, x4, string

    /// Bytes of what is shown as one.
    var unit: Int {
      switch self {
      case .hex, .string: 1
      case .x4: 4
      case .x8: 8
      }
    }

    /// Refuses a length of which nothing could be shown.
    func admit(_ length: ByteCount) throws {
      guard length.value >= unit else {
        throw ValidationError(
          "--as \(rawValue) shows words of \(unit) bytes, and \(length.value) bytes hold none")
      }
    }
  }

  /// - Parameter unreadable: the pages that are left out.
  func answer(_ format: Format, unreadable: [UnreadableObject]) throws -> Answer {
    let causes = unreadable.map { "\($0.cause)" }
    guard !segments.isEmpty else {
      throw CommandError("nothing is readable there: \(causes.first ?? "no page")")
    }
    let count = counted(causes.count, "page") + " unreadable"
    let missing = causes.isEmpty ? [] : [count] + causes
    return Answer(
      .array(segments.map { json($0.address, $0.bytes, format) }),
      .lines(segments.flatMap { lines($0.address, $0.bytes, format) }), missing: missing)
  }

  private func json(_ address: UInt64, _ bytes: [UInt8], _ format: Format) -> JSON {
    let start: JSON = ["address": .string(address.hex)]
    switch format {
    case .hex: return start.adding(["bytes": .string(bytes.hex)])
    case .x8, .x4:
      let words = words(of: bytes, format).map { JSON.string("0x" + $0) }
      return start.adding(["words": .array(words)])
    case .string: return start.adding(["string": .string(bytes.nulTerminatedText)])
    }
  }

  private func lines(_ address: UInt64, _ bytes: [UInt8], _ format: Format) -> [String] {
    switch format {
    case .hex: return bytes.hexdump(at: address)
    case .string: return [bytes.nulTerminatedText]
    case .x8, .x4:
      let words = words(of: bytes, format)
      let (size, perLine) = (format.unit, 16 / format.unit)
      return stride(from: 0, to: words.count, by: perLine).map { first in
        let row = words[first..<min(first + perLine, words.count)]
        return (address &+ UInt64(first * size)).paddedHex(16) + "  "
          + row.map { "0x" + $0 }.joined(separator: "  ")
      }
    }
  }

  /// Little-endian words; bytes at the end that fill none are left out.
  private func words(of bytes: [UInt8], _ format: Format) -> [String] {
    let size = format.unit
    return stride(from: 0, through: bytes.count - size, by: size).map { at in
      let value = size == 8 ? bytes.u64(at: at) : bytes.u32(at: at).map(UInt64.init)
      return (value ?? 0).paddedHex(2 * size)
    }
  }
}

/// A number of bytes as a user writes it.
struct ByteCount {
  static let most = 16 << 20
  var value: Int

  init(userText text: String) throws {
    guard let number = UInt64(userText: text), (1...UInt64(Self.most)).contains(number) else {
      throw ValidationError("a length is 1 to \(Self.most) bytes: not '\(text)'")
    }
    value = Int(number)
  }
}
