import Glibc
import GuestScopeBytes
import Testing

@Suite struct SharedBytesTests {
  let bytes = SharedBytes([1, 2, 3, 4, 5, 6, 7, 8, 9])

  @Test func loadsAreLittleEndianAndChecked() {
    #expect(bytes.u8(at: 8) == 9)
    #expect(bytes.u8(at: 9) == nil)
    #expect(bytes.u16(at: 7) == 0x0908)
    #expect(bytes.u16(at: 8) == nil)
    #expect(bytes.u32(at: 1) == 0x0504_0302)
    #expect(bytes.u64(at: 1) == 0x0908_0706_0504_0302)
    #expect(bytes.u64(at: 2) == nil)
    #expect(bytes.u8(at: -1) == nil)
    #expect(bytes.u64(at: .min) == nil)
    #expect(bytes.u64(at: .max) == nil)
    #expect(SharedBytes().u8(at: 0) == nil)
  }

  @Test func slicesCountFromTheirFirstByte() throws {
    let slice = try #require(bytes.slice(2..<6))
    #expect(Array(slice) == [3, 4, 5, 6])
    #expect(slice.u32(at: 0) == 0x0605_0403)
    #expect(slice.u32(at: 1) == nil)
    #expect(slice.slice(1..<3) == SharedBytes([4, 5]))
    #expect(slice.slice(1..<5) == nil)
    #expect(bytes.slice(-1..<2) == nil)
    #expect(bytes.slice(9..<9)?.isEmpty == true)
    #expect(String(decoding: SharedBytes(Array("a name".utf8))[2...], as: UTF8.self) == "name")
  }

  @Test func slicesKeepTheBytes() throws {
    func slice() -> SharedBytes? { SharedBytes(Array(repeating: 7, count: 1 << 20)).slice(5..<9) }
    #expect(try Array(#require(slice())) == [7, 7, 7, 7])
  }

  @Test func whatIsWrittenIsLittleEndian() {
    let written = SharedBytes(count: 15) { writer in
      writer.append(littleEndian: [0x0403_0201 as UInt32])
      writer.append([5])
      writer.append(littleEndian: [UInt64(6)])
      writer.append(SharedBytes([9, 10]))
    }
    #expect(Array(written) == [1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 9, 10])
    #expect(written.withSpan(of: 1..<3) { $0.byteCount } == 2)
  }

  @Test func aFileIsMappedAndOutlivesItsName() throws {
    let descriptor = fileno(tmpfile())
    try #require(descriptor >= 0)
    let contents = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
    try #require(contents.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } == 10_000)
    let mapped = try #require(SharedBytes(mapping: descriptor, count: 10_000))
    #expect(SharedBytes(mapping: descriptor, count: 9_999) == nil)
    #expect(SharedBytes(mapping: descriptor, count: 20_000) == nil)
    #expect(SharedBytes(mapping: -1, count: 1) == nil)
    close(descriptor)
    #expect(Array(mapped) == contents)
  }
}

@Suite struct SharedWordsTests {
  @Test func wordsAreNumbersOfFourBytes() {
    let words = SharedWords([1, 0xffff_ffff, 3])
    #expect(Array(words) == [1, 0xffff_ffff, 3])
    #expect(words.bytes.count == 12)
    #expect(SharedWords(SharedBytes([1, 0, 0, 0, 2, 0, 0])).count == 1)
  }
}
