import Foundation
import Testing

/// Commands and what they must answer, as a user would see it:
///
///     > sym init_task
///     {symbol init_task} D init_task
///
/// What stands in braces depends on the boot: `{symbol NAME}`, `{value NAME}`, `{kernel KEY}` and
/// `{prog NAME KEY}`, `{map NAME KEY}` are the guest's own words; `{n}`, `{hex}` and `{text}` anything of that shape,
/// with any number of blanks before it; `{lines}` any number of lines. Two blanks or more stand for
/// any number, for a column is as wide as its widest cell. All else is literal.
struct Transcript {
  struct Exchange {
    var line: String
    var expected: [String]
  }

  var exchanges: [Exchange] = []

  init(_ text: String) {
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("> ") {
        exchanges.append(Exchange(line: String(line.dropFirst(2)), expected: []))
      } else if !exchanges.isEmpty {
        exchanges[exchanges.count - 1].expected.append(String(line))
      }
    }
  }

  /// What stands between two answers of one run.
  private static let (divider, divided) = ("type u64", "typedef __u64 u64;  /* size: 8 */\n")

  /// Runs all lines over one session and compares each answer.
  func check(_ guest: LiveGuest, location: SourceLocation = #_sourceLocation) throws {
    let words = try Words(guest)
    let script = try exchanges.map { "\(try words.line($0.line))\n\(Self.divider)\n" }.joined()
    let result = try Program(guest, ["--keep-going", "-f", "-"]).run(input: script)
    var rest = result.out[...]
    for exchange in exchanges {
      let end = try #require(
        rest.range(of: Self.divided), "\(exchange.line): \(result.err)", sourceLocation: location)
      let answer = String(rest[..<end.lowerBound])
      rest = rest[end.upperBound...]
      // Lines of a transcript end where the text of the test does.
      let expected = exchange.expected.map { $0 + "\n" }.joined()
      let pattern = try words.pattern(expected)
      #expect(
        answer.range(of: pattern, options: .regularExpression) != nil,
        "> \(exchange.line)\n\(answer.prefix(2000))instead of\n\(expected)\(result.err)",
        sourceLocation: location)
    }
    #expect(rest.isEmpty, sourceLocation: location)
  }

  /// The guest's own words for what stands in braces.
  private struct Words {
    private let kernel: [String: Any]
    private let programs: [[String: Any]]
    private let maps: [[String: Any]]

    init(_ guest: LiveGuest) throws {
      kernel = try #require(try guest.truth("kernel").first)
      programs = try guest.truth("prog")
      maps = try guest.truth("map")
    }

    /// A regular expression for an answer.
    func pattern(_ text: String) throws -> String {
      var pattern = "^"
      var rest = text[...]
      while let found = rest.range(of: Self.braces, options: .regularExpression) {
        var literal = String(rest[..<found.lowerBound])
        let word = String(rest[found].dropFirst().dropLast())
        rest = rest[found.upperBound...]
        if word == "lines" {
          // Its own end of line is among them.
          rest = rest.dropFirst()
        } else if literal.last == " " {
          while literal.last == " " { literal.removeLast() }
          pattern += Self.escaped(literal) + " +"
          literal = ""
        }
        pattern += Self.escaped(literal) + (try self.pattern(of: word))
      }
      return pattern + Self.escaped(String(rest)) + "$(?!\\n)"
    }

    private static func escaped(_ literal: String) -> String {
      NSRegularExpression.escapedPattern(for: literal)
        .replacingOccurrences(of: " {2,}", with: " +", options: .regularExpression)
    }

    /// A line to type: the guest's own words in it.
    func line(_ text: String) throws -> String {
      var line = text
      while let found = line.range(of: Self.braces, options: .regularExpression) {
        let word = String(line[found].dropFirst().dropLast())
        line.replaceSubrange(found, with: try #require(try value(of: word)))
      }
      return line
    }

    private static let braces =
      #"\{(n|hex|text|lines|(symbol|value|kernel) [^ {}]+|(prog|map) [^ {}]+ [^ {}]+)\}"#

    private func pattern(of word: String) throws -> String {
      switch word {
      case "n": return "[0-9]+"
      case "hex": return "[0-9a-f]+"
      case "text": return "[^\\n]*"
      case "lines": return "(?:[^\\n]*\\n)*"
      default:
        let value = try #require(try value(of: word), "the guest says nothing of \(word)")
        return NSRegularExpression.escapedPattern(for: value)
      }
    }

    private func value(of text: String) throws -> String? {
      let words = text.split(separator: " ").map(String.init)
      let value: Any?
      switch words[0] {
      case "symbol": value = (kernel["symbols"] as? [String: String])?[words[1]]?.dropFirst(2)
      case "value": value = (kernel["values"] as? [String: String])?[words[1]]?.dropFirst(2)
      case "kernel": value = kernel[words[1]]
      case "map": value = maps.first { $0["name"] as? String == words[1] }?[words[2]]
      default: value = programs.first { $0["name"] as? String == words[1] }?[words[2]]
      }
      return value.map { "\($0)" }
    }
  }
}
