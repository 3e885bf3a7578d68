import GuestScopeBTF
import GuestScopeBytes
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

  /// BTF keeps an enumerator in 32 bits or, of an ENUM64, in 64; an object has 1, 2, 4 or 8 bytes.
  @Test(
    arguments: [
      (.enum, true, 4, -5, "A (-5)", #""A""#), (.enum, false, 4, -5, "A (4294967291)", #""A""#),
      (.enum, true, 1, -5, "A (-5)", #""A""#), (.enum, false, 1, -5, "A (4294967291)", #""A""#),
      (.enum, true, 2, -7, "-7", "-7"), (.enum, false, 2, -7, "65529", "65529"),
      (.enum64, true, 8, -5, "A (-5)", #""A""#),
      (.enum64, false, 8, -5, "A (18446744073709551611)", #""A""#),
      (.enum64, false, 8, -7, "18446744073709551609", "18446744073709551609"),
      (.enum64, true, 8, -7, "-7", "-7"),
    ] as [(BTFKind, Bool, UInt32, Int64, String, String)])
  func enumerators(
    kind: BTFKind, isSigned: Bool, size: UInt32, object: Int64, text: String, json: String
  ) throws {
    var builder = BTFBuilder()
    let value = UInt32(bitPattern: -5)
    builder.add(
      kind, "e", flag: isSigned, count: 1, size,
      [builder.string("A"), value] + (kind == .enum64 ? [.max] : []))
    var bytes: [UInt8] = []
    bytes.append(littleEndian: object)
    let shown = try decoder(builder).value(1, at: 0, in: Array(bytes.prefix(Int(size))))
    #expect(shown.lines() == [text])
    #expect(shown.json.text(pretty: false) == json)
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
