import ArgumentParser

/// The forms of verdicts that are read without -j.
enum CheckResultFormat: String, CaseIterable, ExpressibleByArgument {
  /// A line for each that is not kept.
  case text
  /// Test Anything Protocol, version 13.
  case tap
  /// The XML of JUnit's reports, as CI systems read it.
  case junit

  func lines(_ verdicts: [CheckResult]) -> [String] {
    switch self {
    case .text:
      verdicts.filter { $0.outcome != .kept }.map { verdict in
        (verdict.outcome == .broken ? "broken: " : "not measurable: ")
          + "\(verdict.title): \(verdict.reason)"
      }
    case .tap: Self.tap(verdicts)
    case .junit: Self.junit(verdicts)
    }
  }

  private static func tap(_ verdicts: [CheckResult]) -> [String] {
    ["TAP version 13", "1..\(verdicts.count)"]
      + verdicts.enumerated().flatMap { index, verdict in
        // A # would begin a directive.
        let title = verdict.title.map { $0 == "#" ? "no. " : "\($0)" }.joined()
        let line = (verdict.outcome == .kept ? "ok" : "not ok") + " \(index + 1) - \(title)"
        return [line] + (verdict.reason.isEmpty ? [] : ["# \(verdict.outcome): \(verdict.reason)"])
      }
  }

  private static func junit(_ verdicts: [CheckResult]) -> [String] {
    let counts =
      "tests=\"\(verdicts.count)\" failures=\"\(verdicts.count(.broken))\" "
      + "errors=\"\(verdicts.count(.unknown))\""
    let cases = verdicts.map { verdict in
      let head =
        "    <testcase classname=\"guestscope.\(verdict.check.xml)\" name=\"\(verdict.title.xml)\""
      switch verdict.outcome {
      case .kept: return head + "/>"
      case .broken: return head + "><failure message=\"\(verdict.reason.xml)\"/></testcase>"
      case .unknown: return head + "><error message=\"\(verdict.reason.xml)\"/></testcase>"
      }
    }
    return ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<testsuites \(counts)>"]
      + ["  <testsuite name=\"guestscope check\" \(counts)>"] + cases
      + ["  </testsuite>", "</testsuites>"]
  }
}

extension String {
  /// Text within an attribute.
  fileprivate var xml: String {
    var text = ""
    for character in printable {
      switch character {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "\t": text += "&#9;"
      default: text.append(character)
      }
    }
    return text
  }
}
