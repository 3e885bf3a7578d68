/// One question on the health of a guest, which samples of it answer.
struct HealthCheck: Sendable {
  let name: String
  /// What is broken, for people.
  let about: String
  /// Nil for a check without a number.
  var limit: Double?
  /// Of `limit`.
  var unit = ""
  /// It is made when no other is named.
  var isStandard = true
  /// - Throws: why the guest cannot be judged by it.
  let judge: @Sendable (Health, _ limit: Double) throws -> [Finding]

  /// What a check found of one thing.
  struct Finding {
    var object = ""
    var value: JSON = .null
    var isBroken = false
    var evidence: String

    static func kept(_ evidence: String, value: JSON = .null) -> [Finding] {
      [Finding(value: value, evidence: evidence)]
    }

    static func broken(_ object: String, _ value: JSON = .null, _ evidence: String) -> Finding {
      Finding(object: object, value: value, isBroken: true, evidence: evidence)
    }
  }

  static let all: [HealthCheck] = [
    .guestLives, .kernelLog, .cpuStuck, .softLockup, .taskStuck, .scxWait, .scxWatchdog, .scxBypass,
    .scxLeft, .queueStuck, .queueGrows, .ringFull, .scxFallback, .scxKeepLast, .misses,
  ]

  static func named(_ name: String) -> HealthCheck? { all.first { $0.name == name } }

  /// For the help of the command.
  static var help: String {
    let width = all.map(\.name.count).max() ?? 0
    return all.map { check in
      let limit = check.limit.map { " (\(JSON(shortest: $0).cell) \(check.unit))" } ?? ""
      let standard = check.isStandard ? "" : ", if named"
      return check.name + String(repeating: " ", count: width - check.name.count + 2) + check.about
        + limit + standard
    }.joined(separator: "\n")
  }
}

extension [HealthCheck.Finding] {
  /// What is broken; where nothing is, that.
  func orKept(_ evidence: String, value: JSON = .null) -> Self {
    isEmpty ? HealthCheck.Finding.kept(evidence, value: value) : self
  }
}
