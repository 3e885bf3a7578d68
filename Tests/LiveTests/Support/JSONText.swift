import Foundation
import Testing

/// A value as JSON, for comparison: keys have one order, and `true` is not 1.
///
/// - Parameter value: null for nil.
func jsonText(_ value: Any?) throws -> String {
  let data = try JSONSerialization.data(
    withJSONObject: value ?? NSNull(),
    options: [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes])
  return String(decoding: data, as: UTF8.self)
}

extension LiveGuest {
  /// What several commands of one session answer, a document each: an error is one as well.
  func answers(
    _ commands: [String], location: SourceLocation = #_sourceLocation
  ) throws -> [Any] {
    let result = try Program(
      self, ["-j", "--keep-going"] + commands.flatMap { ["-e", $0] }
    ).run()
    let lines = result.out.split(separator: "\n")
    try #require(lines.count == commands.count, "\(result.err)", sourceLocation: location)
    return try lines.map {
      try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
    }
  }
}
