import ArgumentParser

/// A check that is asked for, perhaps with another limit: `task-stuck=30`.
struct HealthRequest {
  let check: HealthCheck
  let limit: Double?

  init(_ check: HealthCheck, limit: Double? = nil) { (self.check, self.limit) = (check, limit) }

  /// - Throws: a sentence when no check has this name, or the check does not take this limit.
  init(argument: String) throws {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let check = HealthCheck.named(String(parts[0])) else {
      throw ValidationError(
        "there is no check '\(parts[0])': there are "
          + HealthCheck.all.map(\.name).joined(separator: ", "))
    }
    guard parts.count == 2 else {
      self.init(check)
      return
    }
    guard check.limit != nil else { throw ValidationError("\(check.name) has no limit") }
    guard let limit = Double(parts[1]), (0...1e9).contains(limit) else {
      throw ValidationError(
        "\(check.name) takes a number from 0 to 1e9, in \(check.unit): not '\(parts[1])'")
    }
    self.init(check, limit: limit)
  }

  static var standard: [HealthRequest] {
    HealthCheck.all.filter(\.isStandard).map { HealthRequest($0) }
  }

  func verdicts(_ health: Health) -> [CheckResult] {
    let most = limit ?? check.limit
    do {
      return try check.judge(health, most ?? 0).map { finding in
        CheckResult(
          check: check.name, object: finding.object, value: finding.value,
          limit: most.map { JSON(shortest: $0) } ?? .null,
          outcome: finding.isBroken ? .broken : .kept, evidence: finding.evidence)
      }
    } catch {
      return [CheckResult(check: check.name, outcome: .unknown, evidence: "\(error)")]
    }
  }
}
