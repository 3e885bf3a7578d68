import Foundation
import TestSupport
import Testing

/// Values of guest/loader/checked_maps.c, which are made of their keys.
enum Checksum {
  static func holds(_ entry: [String: Any]) -> Bool {
    guard let key = number(entry["key"]), let value = number(entry["value"]) else { return false }
    return value == key &* 0x9e37_79b9_7f4a_7c15 ^ key >> 32
  }

  private static func number(_ bytes: Any?) -> UInt64? {
    (bytes as? [String])?.reversed().reduce(0) { number, byte in
      number.flatMap { number in
        UInt64(byte.dropFirst(2), radix: 16).map { number << 8 | $0 }
      }
    }
  }
}

extension LiveTests {
  /// A map that is read in many stops.
  @Suite struct LargeMapTests {
    static var guests: [LiveGuest] {
      LiveGuest.resting.filter { $0.label.hasSuffix("-large") }
    }

    private func entryCount(_ guest: LiveGuest) throws -> Int {
      let map = try #require(
        try guest.truth("map").first { $0["name"] as? String == "large" })
      return try #require(map["max_entries"] as? Int)
    }

    @Test(.timeLimit(.minutes(15)), arguments: guests)
    func everyEntryIsThereOnce(guest: LiveGuest) throws {
      let result = try Program(guest, ["-j", "map", "dump", "name", "large"]).run()
      #expect(result.status == 0, "\(result.err)")
      let entries = try result.objects()
      #expect(try entries.count == entryCount(guest))
      #expect(Set(entries.compactMap { $0["key"] as? [String] }).count == entries.count)
      #expect(entries.allSatisfy(Checksum.holds))
      #expect(!result.err.contains("it changes"))
    }

    private func start(_ guest: LiveGuest) throws -> ChildProcess {
      try Program(guest, ["-j", "map", "dump", "name", "large"]).start()
    }

    @Test(.timeLimit(.minutes(15)), arguments: guests)
    func controlCEndsADumpWithWhatIsThere(guest: LiveGuest) throws {
      // As long as nothing is there to show, it ends like any other command.
      var (running, delay) = (try start(guest), 0.1)
      var status = running.interrupted(after: delay)
      while status == 128 + SIGINT, delay < 64 {
        delay *= 2
        running = try start(guest)
        status = running.interrupted(after: delay)
      }
      #expect(status == 2, "\(running.err)")
      #expect(running.err.contains("interrupted: map "), "\(running.err)")
      let document = try JSONSerialization.jsonObject(with: Data(running.out.utf8))
      let entries = try #require(document as? [[String: Any]])
      #expect(try !entries.isEmpty && entries.count < entryCount(guest))
      #expect(entries.allSatisfy(Checksum.holds))
      #expect(try guest.qmp.runs)
    }

    @Test(.timeLimit(.minutes(15)), arguments: guests)
    func aBrokenLinkEndsADumpWithWhatIsThere(guest: LiveGuest) throws {
      let proxy = Proxy(to: try #require(guest.port))
      defer { proxy.end() }
      let dump = Program([
        "-c", proxy.target, "-k", guest.kernel, "-j", "map", "dump", "name", "large",
      ])
      // A break before the map is reached is an error like any other.
      var bytes = 1 << 18
      var result: ChildProcess.Outcome
      repeat {
        proxy.change { $0.cutsAfter = bytes }
        result = try dump.run()
        bytes *= 2
      } while result.status == 1 && bytes < 1 << 28
      #expect(result.status == 2, "\(result.err)")
      #expect(result.err.contains(/map \d+ was read up to \d+ of \d+ buckets:/), "\(result.err)")
      let entries = try result.objects()
      #expect(try !entries.isEmpty && entries.count < entryCount(guest))
      #expect(entries.allSatisfy(Checksum.holds))
      #expect(try guest.qmp.runs)
    }

    @Test(.timeLimit(.minutes(5)), arguments: guests)
    func fewEntriesOfItTakeFewReads(guest: LiveGuest) throws {
      let result = try Program(
        guest, ["-j", "--stats", "map", "dump", "name", "large", "--limit", "10"]
      ).run()
      #expect(try result.objects().count == 10)
      let line = try #require(result.err.split(separator: "\n").last { $0.hasPrefix("stats: ") })
      let bytes = try #require(
        line.split(separator: " ").first { $0.hasPrefix("snapshot_bytes=") }?.split(separator: "=")
          .last.flatMap { Int($0) })
      #expect(bytes < 1 << 18)
    }
  }
}

extension ChildProcess {
  /// Ctrl-C after some seconds; how it ended.
  fileprivate func interrupted(after delay: Double) -> Int32 {
    Thread.sleep(forTimeInterval: delay)
    kill(identifier, SIGINT)
    return wait()
  }
}
