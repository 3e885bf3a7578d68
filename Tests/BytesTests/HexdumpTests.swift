import GuestScopeBytes
import Testing

@Suite struct HexdumpTests {
  @Test func linesLookLikeHexdumpC() {
    let bytes = Array("0123456789\u{7f}\u{0}~ |\n".utf8) + [0xff]
    #expect(
      bytes.hexdump(at: 0xffff_ffff_8100_0008) == [
        "ffffffff81000008  30 31 32 33 34 35 36 37  38 39 7f 00 7e 20 7c 0a  |0123456789..~ |.|",
        "ffffffff81000018  ff                                                |.|",
      ])
    #expect(
      [UInt8](0..<8).hexdump(at: 0) == [
        "0000000000000000  00 01 02 03 04 05 06 07                           |........|"
      ])
    #expect([UInt8]().hexdump(at: 5).isEmpty)
  }

  @Test func textBeginsInTheSameColumn() {
    for count in 1...16 {
      let line = [UInt8](repeating: 0x41, count: count).hexdump(at: .max)[0]
      #expect(line.hasPrefix("ffffffffffffffff  41"))
      #expect(line.hasSuffix("  |" + String(repeating: "A", count: count) + "|"))
      #expect(line.count == 16 + 2 + 48 + 1 + 2 + count + 1, "\(line)")
    }
  }
}
