import Foundation
import GuestScopeBTF

/// The BTF of Tests/Fixtures/sample.c.
enum Sample {
  static let blob: [UInt8] = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let file = folder.deletingLastPathComponent().appendingPathComponent("Fixtures/sample.btf")
    guard let data = try? Data(contentsOf: file) else { fatalError("no \(file.path)") }
    return [UInt8](data)
  }()

  static func btf() throws -> BTF { try BTF(blob) }
}
