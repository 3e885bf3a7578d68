import GuestScopeBytes
import TestSupport
import Testing

@Suite struct TaggedFieldsTests {
  enum Tag: UInt32 {
    case name = 1
    case count, isNew, bytes
  }

  /// A version that knows less, and one that knows more.
  enum OlderTag: UInt32 { case name = 1 }

  private var fields: TaggedFields<Tag> {
    var fields = TaggedFields<Tag>()
    fields[text: .name] = "a näme"
    fields[number: .count] = .max
    fields[flag: .isNew] = true
    fields[.bytes] = SharedBytes([1, 2, 3])
    return fields
  }

  @Test func whatWasWrittenIsRead() throws {
    let read = try #require(TaggedFields<Tag>(fields.bytes))
    #expect(read[text: .name] == "a näme")
    #expect(read[number: .count] == .max)
    #expect(read[flag: .isNew])
    #expect(read[.bytes] == SharedBytes([1, 2, 3]))
    #expect(read.bytes == fields.bytes)
  }

  @Test func whatIsNotThereIsNil() throws {
    var fields = fields
    fields[text: .name] = nil
    fields[number: .count] = nil
    fields[flag: .isNew] = false
    let read = try #require(TaggedFields<Tag>(fields.bytes))
    #expect(read[text: .name] == nil && read[number: .count] == nil && !read[flag: .isNew])
    // Three bytes are not a number.
    #expect(read[number: .bytes] == nil)
    #expect(TaggedFields<Tag>(TaggedFields<Tag>().bytes)?[.bytes] == nil)
  }

  @Test func unknownFieldsAreLeftOut() throws {
    let older = try #require(TaggedFields<OlderTag>(fields.bytes))
    #expect(older[text: .name] == "a näme")
    #expect(TaggedFields<Tag>(older.bytes)?[number: .count] == nil)
  }

  @Test func damagedBytesNeverCrash() {
    let good = Array(fields.bytes)
    for length in good.indices { _ = TaggedFields<Tag>(SharedBytes(Array(good[..<length]))) }
    var refused = 0
    for at in good.indices {
      for value in [0, 1, 0x7f, 0xff] as [UInt8] {
        var bytes = good
        bytes[at] = value
        guard let read = TaggedFields<Tag>(SharedBytes(bytes)) else {
          refused += 1
          continue
        }
        _ = (read[text: .name], read[number: .count], read[flag: .isNew], read[.bytes]?.count)
      }
    }
    // Offsets and lengths have 8 bytes each, nearly all of which must be 0.
    #expect(refused > 100)
  }
}
