import Disassembly
import Foundation
import Testing

@Suite struct DisassemblerTests {
  /// What a program without work is compiled to.
  private static let x86: [UInt8] = [
    0x0f, 0x1f, 0x44, 0x00, 0x00, 0x55, 0x48, 0x89, 0xe5, 0x31, 0xc0, 0xe8, 0x10, 0, 0, 0, 0xc9,
    0xc3,
  ]
  private static let arm64: [UInt8] = [
    0xfd, 0x7b, 0xbf, 0xa9, 0xfd, 0x03, 0x00, 0x91, 0x04, 0x00, 0x00, 0x94, 0xc0, 0x03, 0x5f, 0xd6,
  ]

  @Test func codeOfX86IsInTheSyntaxOfGNU() throws {
    let code = try Disassembler(.x86).instructions(Self.x86, at: 0xffff_ffff_c000_0000)
    #expect(code.map(\.mnemonic) == ["nopl", "pushq", "movq", "xorl", "callq", "leave", "retq"])
    #expect(code[2].operands == "%rsp, %rbp")
    #expect(code[4].operands == "0xffffffffc0000020")
    #expect(code.map(\.offset) == [0, 5, 6, 9, 11, 16, 17])
    #expect(code.flatMap(\.bytes) == Self.x86)
  }

  @Test func codeOfArm64HasItsAddresses() throws {
    let code = try Disassembler(.arm64).instructions(Self.arm64, at: 0xffff_8000_8000_0000)
    #expect(code.map(\.mnemonic) == ["stp", "mov", "bl", "ret"])
    #expect(code[2].operands.hasSuffix("0xffff800080000018"))
    #expect(code.flatMap(\.bytes) == Self.arm64)
  }

  @Test(arguments: [MachineArchitecture.x86, .arm64])
  func whateverTheBytesAreNoneIsLost(architecture: MachineArchitecture) throws {
    let disassembler = try Disassembler(architecture)
    for count in [0, 1, 3, 15, 1000] {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255) }
      let code = disassembler.instructions(bytes, at: 0)
      #expect(code.flatMap(\.bytes) == bytes)
      #expect(code.allSatisfy { !$0.mnemonic.isEmpty && !$0.bytes.isEmpty })
    }
  }

  @Test func whatIsNotAnInstructionSaysSo() throws {
    let code = try Disassembler(.x86).instructions([0x06, 0x90], at: 0)
    #expect(code.map(\.mnemonic) == ["(unknown)", "nop"])
  }
}
