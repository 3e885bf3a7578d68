import Foundation
import GuestScopeBTF
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import Commands

/// Values by types that are damaged, as those of a program in a broken guest may be: something or null
/// within bounds, whatever the types say.
@Suite struct DamagedTypesTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let rounds = environment["GUESTSCOPE_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 150
  private static let seed =
    environment["GUESTSCOPE_FUZZ_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)

  private static let sample: [UInt8] = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../Fixtures/sample.btf")
    return (try? Array(Data(contentsOf: file))) ?? []
  }()

  @Test func valuesOfDamagedTypesAreBounded() throws {
    try #require(Self.sample.count > 100)
    print("damaged types: seed \(Self.seed), \(Self.rounds) rounds")
    var (read, refused, values) = (0, 0, 0)
    for round in 0..<Self.rounds {
      var random = SplitMix(state: Self.seed &+ UInt64(round))
      var blob = Self.sample
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let at = Int.random(in: 0..<blob.count, using: &random)
        blob[at] = UInt8.random(in: 0...255, using: &random)
      }
      guard let btf = try? BTF(blob) else {
        refused += 1
        continue
      }
      read += 1
      let bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &random) }
      let comment = Comment(rawValue: "seed \(Self.seed), round \(round)")
      for id in 1...UInt32(40) {
        let type = BTF.TypeID(id)
        let json = BTFValueJSON(btf).json(type, in: bytes)
        if json != .null { values += 1 }
        // Types that contain others twice end with the steps that a value may take.
        #expect(json.text(pretty: false).utf8.count < 1 << 25, comment)
        _ = ValueDecoder(btf).value(type, at: 0, in: bytes)
        #expect(btf.leaves(of: type).count <= 256, comment)
        let keys = KeysOfMap(map: 1, size: 64, type: (btf, type))
        _ = try? KeyPattern(try #require(KeyExpression(["a=1"])), of: keys)
      }
    }
    print("damaged types: \(read) read, \(refused) refused, \(values) values")
    #expect(read > 0 && refused > 0 && values > 0)
  }
}
