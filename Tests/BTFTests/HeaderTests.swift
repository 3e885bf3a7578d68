import BTF
import Testing

@Test func somethingElseIsRefusedWithThePlace() {
  #expect(throws: BTFError.malformed("the header ends early", offset: 3)) {
    try BTF([0x9f, 0xeb, 1])
  }
  #expect(throws: BTFError.malformed("it is big-endian", offset: 0)) {
    try BTF([0xeb, 0x9f, 1] + [UInt8](repeating: 0, count: 30))
  }
}
