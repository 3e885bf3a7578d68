import Testing

@testable import Commands

@Suite struct AddressTests {
  @Test(
    arguments: [
      ("10", 10), ("0x10", 16), ("0000000040000000", 0x4000_0000),
      ("ffffffff81000000", 0xffff_ffff_8100_0000), ("1234567890123456", 0x1234_5678_9012_3456),
      ("123456789012345", 123_456_789_012_345),
      ("0X00000000000000ff", 0xff),
    ] as [(String, UInt64)])
  func sixteenBareDigitsAreHexadecimal(text: String, number: UInt64) {
    #expect(UInt64(userText: text) == number)
  }
}
