import BTF
import TestSupport
import Testing

@testable import Commands

/// Objects of types that no compiler makes: something is shown, nothing crashes or goes on for ever.
@Suite struct ObjectValueTests {
  private func decoder(_ builder: BTFBuilder) throws -> ObjectDecoder {
    ObjectDecoder(btf: try BTF(builder.blob), symbol: { _ in nil }, text: { _ in nil })
  }

  @Test func aStructThatContainsItselfEnds() throws {
    var builder = BTFBuilder()
    builder.composite(.struct, "s", size: 8, [("again", 1, 0)])
    let lines = try decoder(builder).value(1, at: 0, in: [UInt8](repeating: 0, count: 8)).lines()
    #expect(lines.contains { $0.contains("contains or refers to itself") })
  }

  @Test(.timeLimit(.minutes(10))) func oneThatContainsItselfTwiceEndsToo() throws {
    var builder = BTFBuilder()
    builder.composite(.struct, "s", size: 8, [("", 1, 0), ("", 1, 0)])
    _ = try decoder(builder).value(1, at: 0, in: [UInt8](repeating: 0, count: 8))
  }

  @Test func charactersBehindTheEndAreNotThere() throws {
    var builder = BTFBuilder()
    builder.int("char", size: 1)
    builder.add(.array, "", 0, [1, 1, 16])
    builder.composite(.struct, "s", size: 8, [("text", 2, 1 << 20)])
    let lines = try decoder(builder).value(3, at: 0, in: [UInt8](repeating: 65, count: 8)).lines()
    #expect(lines.contains { $0.contains("text = ?") })
  }
}
