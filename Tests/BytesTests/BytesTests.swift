import GuestScopeBytes
import Testing

@Test func loadsAreLittleEndianAndBounded() {
  let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
  #expect(bytes.u16(at: 0) == 0x0201)
  #expect(bytes.u32(at: 1) == 0x0504_0302)
  #expect(bytes.u64(at: 0) == 0x0807_0605_0403_0201)
  #expect(bytes.u64(at: 1) == nil)
  #expect(bytes.u8(at: 8) == nil)
  #expect(bytes.u32(at: -1) == nil)
  #expect(bytes.u32(at: .max) == nil)
  #expect(bytes.bytes(at: 6, count: 2) == [7, 8])
  #expect(bytes.bytes(at: 6, count: 3) == nil)
  #expect(bytes.bytes(at: 1, count: .max) == nil)
}

@Test func hexRoundTrips() {
  let all = (UInt8.min ... .max).map { $0 }
  #expect(all.hexDigits.decodedHex == all)
  #expect([UInt8]("Ff00".utf8).decodedHex == [0xff, 0])
  #expect([UInt8]("f".utf8).decodedHex == nil)
  #expect([UInt8]("0g".utf8).decodedHex == nil)
  #expect(UInt64(0xfff).hex == "0xfff")
}

@Test func textEndsAtTheFirstNulAndSurvivesBadUTF8() {
  #expect([UInt8]("abc\0def".utf8).nulTerminatedText == "abc")
  #expect([0x61, 0xff, 0x62].nulTerminatedText == "a\u{fffd}b")
}
