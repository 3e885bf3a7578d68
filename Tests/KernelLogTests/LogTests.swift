import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelLog

/// What may be in the ring buffer of printk.
@Suite struct LogTests {
  private func texts(_ guest: LogGuest, _ query: LogQuery = LogQuery()) throws -> [String] {
    let snapshot = try guest.log(query)
    #expect(snapshot.unreadable.isEmpty)
    return snapshot.value.records.map(\.text)
  }

  @Test func recordsAreInTheirOrderOverTheEndOfTheIDs() throws {
    let guest = LogGuest()
    for number in 0..<10 as Range<UInt64> {
      guest.write(number, "line \(number)", begin: 24 * number, next: 24 * number + 24)
    }
    guest.setIDs(0...9)
    let records = try guest.log().value.records
    #expect(records.map(\.text) == (0..<10).map { "line \($0)" })
    #expect(records.map(\.sequence) == Array(0..<10))
    #expect(records[0].caller == .cpu(0) && records[1].caller == .thread(42))
    #expect(records[3].lines == ["[    4.500000] line 3"])
  }

  @Test(
    arguments: [
      ([0x61, 0xff, 0x80, 0x62], "a\\xff\\x80b"), ([0xc3, 0xa4, 0xc3], "ä\\xc3"),
      ([0xe2, 0x82, 0x61], "\\xe2\\x82a"), ([0x1, 0x7f], "\u{1}\u{7f}"), ([], ""),
    ] as [([UInt8], String)])
  func whatIsNotUTF8IsEscapedAsDmesgDoesIt(bytes: [UInt8], text: String) {
    #expect(bytes.logText == text && bytes[...].logText == text)
  }

  @Test func whatATerminalWouldActOnIsEscapedInLines() throws {
    let guest = LogGuest()
    guest.write(0, "a\u{1b}[31m\tä\u{7f}", begin: 0, next: 32)
    guest.setIDs(0...0)
    let record = try #require(try guest.log().value.records.first)
    #expect(record.text == "a\u{1b}[31m\tä\u{7f}")
    #expect(
      record.lines.first?.hasSuffix(#"] a\x1b[31m"# + "\tä" + #"\x7f"#) == true, "\(record.lines)")
  }

  @Test func aBlockMayLieAtTheStartForItWouldNotFitAtTheEnd() throws {
    let guest = LogGuest()
    guest.write(0, "first", begin: 200, next: 224)
    // 48 bytes from 224 on go over the end: the block is at 0.
    guest.write(1, String(repeating: "w", count: 40), begin: 224, next: 256 + 48)
    guest.setIDs(0...1)
    #expect(try texts(guest) == ["first", String(repeating: "w", count: 40)])
  }

  /// The first record of a buffer begins as far below 0 as the buffer is long (`BLK0_LPOS`).
  @Test func theFirstWayAroundTheBufferEndsAtZero() throws {
    let guest = LogGuest()
    guest.write(0, "below", begin: 0 &- 24, next: 0 &- 8)
    guest.write(1, "goes over the end", begin: 0 &- 8, next: 32)
    guest.write(2, "above", begin: 32, next: 48)
    guest.setIDs(0...2)
    #expect(try texts(guest) == ["below", "goes over the end", "above"])
  }

  @Test func aBlockMayEndWhereTheBufferEnds() throws {
    let guest = LogGuest()
    guest.write(0, "up to the end...", begin: 232, next: 256)
    guest.write(1, "next", begin: 256, next: 272)
    guest.setIDs(0...1)
    #expect(try texts(guest) == ["up to the end...", "next"])
  }

  @Test func recordsWithoutABlockAreEmptyLinesOrLost() throws {
    let guest = LogGuest()
    guest.write(0, "", begin: 3, next: 3)
    guest.write(1, "lost", begin: 1, next: 1)
    guest.write(2, "there", begin: 0, next: 16)
    guest.setIDs(0...2)
    let log = try guest.log().value
    #expect(log.records.map(\.text) == ["", "there"])
    #expect(log.records[0].lines == ["[    0.000000] "])
    #expect(log.withoutText == 1)
  }

  /// A look from a position on.
  private func look(_ guest: LogGuest, from position: LogPosition?) throws -> KernelLog {
    try guest.log(LogQuery(start: .position(try #require(position)))).value
  }

  @Test func aLaterLookGoesOnWhereAnEarlierOneEnded() throws {
    let guest = LogGuest()
    for number in 0..<7 as Range<UInt64> {
      guest.write(number, "line \(number)", begin: 24 * number, next: 24 * number + 24)
    }
    guest.setIDs(0...2)
    let first = try guest.log().value
    let nothing = try look(guest, from: first.next)
    #expect(nothing.records.isEmpty && nothing.next == first.next && nothing.overwritten == 0)
    guest.setIDs(1...6)
    let second = try look(guest, from: first.next)
    #expect(second.records.map(\.text) == (3...6).map { "line \($0)" } && second.overwritten == 0)
    #expect(try look(guest, from: second.next).records.isEmpty)
  }

  @Test func aLaterLookHasRecordsOnceTheyAreWhole() throws {
    let guest = LogGuest()
    guest.write(0, "whole", begin: 0, next: 16)
    guest.write(1, "grows", begin: 16, next: 32, state: .committed)
    guest.write(2, "after it", begin: 32, next: 48)
    guest.setIDs(0...2)
    let first = try guest.log().value
    #expect(first.records.count == 3)
    #expect(try look(guest, from: first.next).records.isEmpty)
    guest.write(1, "grew", begin: 16, next: 32)
    #expect(try look(guest, from: first.next).records.map(\.text) == ["grew", "after it"])
  }

  @Test func aLaterLookCountsWhatTheKernelHasOverwritten() throws {
    let guest = LogGuest()
    func write(_ numbers: ClosedRange<UInt64>) {
      for number in numbers {
        guest.write(number, "x", begin: 16 * number, next: 16 * number + 16)
      }
      guest.setIDs(numbers)
    }
    write(0...2)
    let position = try guest.log().value.next
    write(5...20)
    let log = try look(guest, from: position)
    #expect(log.overwritten == 2)
    #expect(log.records.map(\.sequence) == Array(5...20))
    // Of a log that is not this one's, nothing is known to be new.
    #expect(try look(guest, from: LogPosition(id: 1 << 40)).records.isEmpty)
  }

  @Test func recordsInTheMakingAreMarkedOrCounted() throws {
    let guest = LogGuest()
    guest.write(0, "reused", begin: 0, next: 16, state: .reusable)
    guest.write(1, "whole", begin: 16, next: 32)
    guest.write(2, "half a l", begin: 32, next: 48, state: .committed)
    guest.write(3, "no", begin: 48, next: 64, state: .reserved)
    // The descriptor of the next one is still that of one before.
    guest.setIDs(0...4)
    let log = try guest.log().value
    #expect(log.records.map(\.text) == ["whole", "half a l"])
    #expect(log.records.map(\.isFinal) == [true, false])
    #expect(log.unwritten == 2)
  }

  @Test func textEndsWithItsBlock() throws {
    let guest = LogGuest()
    guest.write(0, "12345678", begin: 0, next: 16, length: 60000)
    guest.write(1, "a\n\nb", begin: 16, next: 32, flags: 8)
    guest.setIDs(0...1)
    let records = try guest.log().value.records
    #expect(records.map(\.text) == ["12345678", "a\n\nb"])
    #expect(records.map(\.isContinuation) == [false, true])
    #expect(records[1].lines.count == 3)
  }

  @Test func aBlockOfAnotherRecordIsRefused() throws {
    let guest = LogGuest()
    guest.write(0, "mine", begin: 0, next: 16, owner: 7)
    guest.write(1, "other", begin: 16, next: 8)
    guest.write(2, "good", begin: 32, next: 48)
    guest.setIDs(0...2)
    let snapshot = try guest.log()
    #expect(snapshot.value.records.map(\.text) == ["good"])
    #expect(snapshot.unreadable.map(\.key.kind) == ["log record", "log record"])
  }

  @Test func aQueryPicksRecords() throws {
    let guest = LogGuest()
    for number in 0..<8 as Range<UInt64> {
      guest.write(
        number, "\(number)", begin: 16 * number, next: 16 * number + 16, level: UInt8(number))
    }
    guest.setIDs(0...7)
    #expect(try texts(guest, LogQuery(level: LogLevel("err"))) == ["0", "1", "2", "3"])
    #expect(
      try texts(guest, LogQuery(level: LogLevel("err"), anyLevel: 2, newest: 6))
        == ["2", "3", "6", "7"])
    #expect(try texts(guest, LogQuery(newest: 2)) == ["6", "7"])
    #expect(try texts(guest, LogQuery(newest: 100)).count == 8)
    #expect(try texts(guest, LogQuery(start: .time(9_000_000_000))) == ["6", "7"])
    #expect(try texts(guest, LogQuery(start: .beforeEnd(3_000_000_000))) == ["5", "6", "7"])
    #expect(try texts(guest, LogQuery(start: .beforeEnd(.max))).count == 8)
    #expect(try texts(guest, LogQuery(start: .sequence(7))) == ["7"])
  }

  @Test func levelsHaveNamesAndNumbers() {
    #expect(LogLevel("warn") == LogLevel("4") && LogLevel("7")?.description == "debug")
    #expect(["8", "-1", "", "warning?", "04x"].allSatisfy { LogLevel($0) == nil })
  }

  @Test func impossibleRingsAreRefused() throws {
    let guest = LogGuest()
    guest.setIDs(5...2 + 20)
    #expect(throws: SnapshotError.self) { try guest.log() }
  }

  @Test func aKernelWithoutThisLogIsNamed() throws {
    let guest = LogGuest(variable: "other")
    let error = try #require(throws: SnapshotError.self) { try guest.log() }
    #expect("\(error)".contains("prb"), "\(error)")
  }

  @Test func damagedLogsAreAnsweredOrRefused() throws {
    let guest = LogGuest()
    for number in 0..<16 as Range<UInt64> {
      guest.write(number, "\(number)", begin: 16 * number, next: 16 * number + 16)
    }
    guest.setIDs(0...15)
    let recorded = ScriptedMemory(guest.guest.memory)
    let kernel = try guest.kernel(SnapshotEngine(recorded))
    _ = try kernel.snapshot(SnapshotEngine(recorded)) { walk throws(ReadFault) in
      try walk.kernelLog()
    }
    let corruptible = try CorruptibleGuest(
      guest.guest.memory, read: Array(recorded.samples.joined()))
    let tally = corruptible.damaged("logs") { engine, _ throws(SnapshotError) in
      let snapshot = try kernel.snapshot(engine) { walk throws(ReadFault) in
        try walk.kernelLog()
      }
      return snapshot.unreadable.count
    }
    #expect(tally.excesses.isEmpty)
    #expect(tally.whole > 0 && tally.partial > 0 && tally.failed > 0)
  }
}
