import Testing

@testable import GuestScopeKernelBPF

/// What the kernel makes of instructions for itself, and user space does not see.
@Suite struct StoredInstructionTests {
  private let call: UInt8 = 0x85
  private let callArgs: UInt8 = 0xe5
  private let load64: UInt8 = 0x18

  /// A program of ten instructions, with a function at 0, 4 and 7.
  private func shown(_ insn: BPFInstruction, at index: Int = 0) -> BPFInstruction {
    var all = [BPFInstruction](repeating: BPFInstruction(code: 0x95), count: 10)
    all[index] = insn
    let stored = StoredInstructions(
      functionStarts: [0, 4, 7], interpreters: [-1000, -2000, nil])
    return stored.withoutInternals(all)[index]
  }

  @Test func aTailCallIsACallOfAHelper() {
    let stored = BPFInstruction(code: 0xf5, imm: 77)
    #expect(shown(stored) == BPFInstruction(code: call, imm: 12))
  }

  @Test(
    arguments: [
      (0x39, 0x79), (0x21, 0x61), (0xb9, 0x79), (0xa3, 0x63), (0xa2, 0x62),
      // Left as they are: loads of packets, atomic operations, loads that extend the sign.
      (0x20, 0x20), (0x28, 0x28), (0xdb, 0xdb), (0x81, 0x81), (0x41, 0x41), (0x23, 0x23),
    ] as [(UInt8, UInt8)])
  func accessesThatMayFaultAreLikeOthers(stored: UInt8, expected: UInt8) {
    #expect(shown(BPFInstruction(code: stored, dst: 1, off: 8)).code == expected)
  }

  /// From instruction 2, the subprogram at 7 is 4 further.
  @Test func aCallKeepsItsFieldsWhereTheyLeadToTheSubprogram() {
    let before72 = BPFInstruction(code: call, src: 1, off: 4, imm: 2)
    #expect(shown(before72, at: 2) == before72)
    let since72 = BPFInstruction(code: call, src: 1, off: 2, imm: 4)
    #expect(shown(since72, at: 2) == before72)
  }

  @Test func aCallThatBothReadingsFitIsTheSameEitherWay() {
    // From 1, subprogram 2 is at 7, 5 further; from 4, it is 2 further.
    let either = BPFInstruction(code: call, src: 1, off: 2, imm: 2)
    #expect(shown(either, at: 4) == either)
  }

  @Test func aCallThatLeadsNowhereIsLeftAlone() {
    let damaged = BPFInstruction(code: call, src: 1, off: 300, imm: -9)
    #expect(shown(damaged) == damaged)
    // What is no subprogram is never turned round.
    let helper = BPFInstruction(code: call, off: 2, imm: 4)
    #expect(shown(helper, at: 2) == helper)
  }

  @Test func aDistanceThatDoesNotFitIsZero() {
    let stored = StoredInstructions(functionStarts: [0, 40_000], interpreters: [])
    let far = BPFInstruction(code: call, src: 1, off: 1, imm: 39_999)
    #expect(
      stored.withoutInternals([far]) == [BPFInstruction(code: call, src: 1, off: 0, imm: 1)])
  }

  @Test func anInterpretedCallHasTheInterpreterOfItsDepth() {
    let before72 = BPFInstruction(code: callArgs, src: 1, off: 3, imm: -2000)
    let expected = BPFInstruction(code: call, src: 1, off: 3, imm: -2000)
    #expect(shown(before72) == expected)
    let since72 = BPFInstruction(code: callArgs, src: 1, off: 1, imm: 3)
    #expect(shown(since72) == expected)
    // This kernel's symbols lack the third.
    #expect(shown(BPFInstruction(code: callArgs, src: 1, off: 2, imm: 3)).imm == 0)
    let damaged = BPFInstruction(code: callArgs, src: 1, off: -7, imm: 3)
    #expect(shown(damaged).off == -7)
  }

  // MARK: Maps

  private func wide(_ number: UInt64, src: UInt8 = 0) -> [BPFInstruction] {
    [
      BPFInstruction(code: load64, dst: 1, src: src, imm: Int32(truncatingIfNeeded: number)),
      BPFInstruction(code: 0, imm: Int32(truncatingIfNeeded: number >> 32)),
    ]
  }

  private let maps = [
    UsedMap(id: 7, address: 0xffff_8881_0000_1000, value: nil),
    UsedMap(
      id: 8, address: 0xffff_8881_0000_2000,
      value: 0xffff_8881_0000_2100..<0xffff_8881_0000_2140),
  ]

  @Test func addressesOfMapsAndTheirValuesAreIDs() {
    let stored =
      wide(maps[0].address) + wide(maps[1].address) + wide(maps[1].value!.upperBound - 4)
    let named = StoredInstructions.naming(maps, in: stored)
    #expect(named.map(\.imm) == [7, 0, 8, 0, 8, 0x3c])
    #expect(named.map(\.src) == [1, 0, 1, 0, 2, 0])
  }

  @Test(arguments: [0, 0xffff_8881_0000_1008, 0xffff_8881_0000_2140, .max] as [UInt64])
  func otherNumbersStay(number: UInt64) {
    #expect(StoredInstructions.naming(maps, in: wide(number)) == wide(number))
  }

  @Test func aNumberWithoutItsUpperHalfIsLeftAlone() {
    let cut = [wide(maps[0].address)[0]]
    #expect(StoredInstructions.naming(maps, in: cut) == cut)
  }
}
