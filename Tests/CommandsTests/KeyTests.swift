import GuestScopeBTF
import GuestScopeKernelBPF
import TestSupport
import Testing

@testable import Commands

/// Keys as users write them.
@Suite struct KeyTests {
  /// `struct key { u32 pid; u16 cpu; s8 nice; enum mood mood; char name[4]; u32 low : 3; }`, of 16
  /// bytes, and types that it is made of.
  private static let keys: KeysOfMap = {
    var builder = BTFBuilder()
    builder.int("u32", size: 4)
    builder.int("u16", size: 2)
    // BTF_INT_SIGNED
    builder.add(.int, "s8", 1, [1 << 24 | 8])
    let (bad, good) = (builder.string("BAD"), builder.string("GOOD"))
    builder.add(.enum, "mood", count: 2, 1, [bad, 1, good, 3])
    builder.int("char", size: 1)
    builder.add(.array, "", 0, [5, 1, 4])
    builder.composite(
      .struct, "key", size: 16, flag: true,
      [
        ("pid", 1, 0), ("cpu", 2, 32), ("nice", 3, 48), ("mood", 4, 56), ("name", 6, 64),
        ("low", 1, 3 << 24 | 96),
      ])
    return KeysOfMap(map: 5, size: 16, type: (try! BTF(builder.blob), 7))
  }()

  private func pattern(_ text: String, _ keys: KeysOfMap = Self.keys) throws -> KeyPattern {
    try KeyPattern(try #require(KeyExpression([text])), of: keys)
  }

  private func refusal(_ text: String, _ keys: KeysOfMap = Self.keys) -> String {
    do {
      _ = try pattern(text, keys)
      return ""
    } catch { return "\(error)" }
  }

  @Test func membersAreStoredWhereTheTypeHasThem() throws {
    let key = try pattern("pid=0x11,cpu=2,nice=-1,mood=GOOD,name=ab,low=5")
    #expect(key.bytes == [0x11, 0, 0, 0, 2, 0, 0xff, 3, 0x61, 0x62, 0, 0, 5, 0, 0, 0])
    #expect(key.openMembers(of: Self.keys).isEmpty)
    #expect(key.matches(key.bytes))
    var other = key.bytes
    // Padding counts no more than the bits beside a bit-field.
    other[13] = 7
    #expect(key.matches(other.map { $0 }))
    other[4] = 3
    #expect(!key.matches(other))
  }

  @Test func someMembersFindAllKeysThatHaveThem() throws {
    let some = try pattern("cpu=2")
    #expect(some.openMembers(of: Self.keys) == ["pid", "nice", "mood", "name", "low"])
    #expect(some.matches([9, 9, 9, 9, 2, 0] + [UInt8](repeating: 7, count: 10)))
    #expect(!some.matches([9, 9, 9, 9, 2, 1] + [UInt8](repeating: 7, count: 10)))
    #expect(!some.matches([2, 0]))
  }

  @Test(arguments: [
    ("pid=x", "'x' is not a value of pid of map 5: it is a number"),
    ("mood=WORSE", "it is one of BAD, GOOD"), ("low=8", "'8' is not a value of low"),
    ("cpu=65536", "'65536' is not a value"), ("name=abcde", "it is text"),
    ("colour=1", "has no member colour"), ("7", "name its parts, as in pid=…,cpu=…,nice=…"),
  ])
  func whatDoesNotFitIsRefusedWithItsReason(text: String, reason: String) {
    #expect(refusal(text).contains(reason), "\(refusal(text))")
  }

  @Test func aKeyWithoutATypeIsANumber() throws {
    let keys = KeysOfMap(map: 6, size: 4, type: nil)
    #expect(try pattern("258", keys).bytes == [2, 1, 0, 0])
    #expect(refusal("pid=1", keys).contains("have no type: give the 4 bytes"))
    #expect(refusal("1", KeysOfMap(map: 6, size: 12, type: nil)).contains("give the 12 bytes"))
    #expect(refusal("1", KeysOfMap(map: 6, size: 0, type: nil)) == "map 6 has no keys")
  }

  @Test(arguments: [
    (["10", "0"], "bytes"), (["hex", "0a"], "bytes"), (["17"], "expression"),
    (["pid=1", "cpu=2"], "expression"), (["pid=1,cpu=2"], "expression"), (["pid=1", "2"], "wrong"),
    (["0x100", "0"], "wrong"), (["=1"], "wrong"), (["hex", "0g"], "wrong"),
  ])
  func wordsAreBytesOrMembers(words: [String], kind: String) {
    let key = try? MapKey(words)
    switch key {
    case .bytes?: #expect(kind == "bytes")
    case .expression?: #expect(kind == "expression")
    case nil: #expect(kind == "wrong")
    }
  }
}
