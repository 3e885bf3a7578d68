import Foundation
import Testing

extension LiveTests {
  /// The kernel's log against what the guest reads of it.
  @Suite struct DmesgTests {
    /// A record as `/dev/kmsg` writes it: `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,…];TEXT`.
    private struct Record: Equatable {
      var priority: Int
      var sequence: Int
      var microseconds: Int
      var continues: Bool
      var text: String
    }

    private func record(kmsg line: String) throws -> Record {
      let parts = line.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
      let head = try #require(parts.first).split(separator: ",")
      try #require(parts.count == 2 && head.count >= 4, "\(line)")
      return Record(
        priority: try #require(Int(head[0])), sequence: try #require(Int(head[1])),
        microseconds: try #require(Int(head[2])), continues: head[3] == "c",
        text: unescaped(parts[1]))
    }

    /// The text of bytes that the kernel has written as `\xNN`.
    private func unescaped(_ text: Substring) -> String {
      var bytes: [UInt8] = []
      var rest = Array(text.utf8)[...]
      while let byte = rest.first {
        if rest.starts(with: Array(#"\x"#.utf8)),
          let code = UInt8(String(decoding: rest.dropFirst(2).prefix(2), as: UTF8.self), radix: 16)
        {
          bytes.append(code)
          rest = rest.dropFirst(4)
        } else {
          bytes.append(byte)
          rest = rest.dropFirst()
        }
      }
      return decoded(bytes)
    }

    /// What is not UTF-8 is escaped, as dmesg does it.
    private func decoded(_ bytes: some Collection<UInt8>) -> String {
      var text = ""
      var rest = Array(bytes)[...]
      while let byte = rest.first {
        let scalar = (1...4).lazy.compactMap { length in
          String(validating: rest.prefix(length), as: UTF8.self)
            .flatMap { $0.unicodeScalars.count == 1 ? ($0, length) : nil }
        }.first
        text += scalar?.0 ?? String(format: "\\x%02x", byte)
        rest = rest.dropFirst(scalar?.1 ?? 1)
      }
      return text
    }

    @Test(arguments: LiveGuest.resting)
    func everyRecordIsTheGuests(guest: LiveGuest) throws {
      let truth = try guest.truth("log").map { try record(kmsg: $0["record"] as? String ?? "") }
      try #require(truth.contains { $0.text.contains("the second one") })
      let result = try Program(guest, ["-j", "dmesg"]).run()
      #expect(result.status == 0, "\(result.err)")
      let ours = try result.objects().map { row in
        let (level, facility) = (row["level"] as? Int ?? -1, row["facility"] as? Int ?? -1)
        return Record(
          priority: facility << 3 | level, sequence: row["seq"] as? Int ?? -1,
          microseconds: (row["time_ns"] as? Int ?? -1) / 1000,
          continues: row["continues"] as? Bool ?? false, text: row["text"] as? String ?? "")
      }
      // Whatever the guest has logged since is after it.
      #expect(Array(ours.prefix(truth.count)) == truth)
    }

    @Test(arguments: LiveGuest.resting)
    func everyLineIsAsDmesgPrintsIt(guest: LiveGuest) throws {
      let truth = try guest.truth("dmesg").map { row in
        let digits = Array(row["line"] as? String ?? "")
        let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
          UInt8(String(digits[$0..<$0 + 2]), radix: 16)
        }
        // After the level.
        return decoded(bytes.drop { $0 != UInt8(ascii: ">") }.dropFirst())
      }
      try #require(truth.count > 100)
      let result = try Program(guest, ["dmesg"]).run()
      #expect(result.status == 0, "\(result.err)")
      let ours = result.out.split(separator: "\n", omittingEmptySubsequences: false)
      // A terminal must not act on what a guest has logged.
      #expect(ours.prefix(truth.count).map(String.init) == truth.map(Self.printable))
    }

    private static func printable(_ line: String) -> String {
      line.unicodeScalars.map { scalar in
        switch scalar.value {
        case 0x9: "\t"
        case ..<0x20, 0x7f: String(format: "\\x%02x", scalar.value)
        case 0x80..<0xa0: "\u{fffd}"
        default: String(scalar)
        }
      }.joined()
    }

    @Test func aLevelAndATimePickRecords() throws {
      let guest = LiveGuest("x86-6.1")
      let truth = try guest.truth("log").map { try record(kmsg: $0["record"] as? String ?? "") }
      func sequences(_ words: String...) throws -> [Int] {
        try Program(guest, ["-j", "dmesg"] + words).run().objects().compactMap { $0["seq"] as? Int }
      }
      let last = try #require(truth.last).sequence
      let grave = try sequences("--level", "err").filter { $0 <= last }
      #expect(grave == truth.filter { $0.priority & 7 <= 3 }.map(\.sequence))
      #expect(try sequences("--level", "3").filter { $0 <= last } == grave)
      let middle = truth[truth.count / 2].microseconds
      let seconds = "\(Double(middle) / 1e6)"
      #expect(
        try sequences("--since", seconds).filter { $0 <= last }.count
          == truth.filter { $0.microseconds >= middle }.count)
      let whole = try sequences()
      let end = try sequences("--since", "-0.5")
      #expect(!end.isEmpty && end == whole.suffix(end.count) && end.count < whole.count)
    }
  }
}
