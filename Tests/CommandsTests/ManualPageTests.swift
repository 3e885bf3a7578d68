import ArgumentParser
import Testing

@testable import Commands

@Suite struct ManualPageTests {
  /// It takes a while to make.
  private static let text = ManualPage.text

  /// The lines of the section of a heading.
  private func section(_ heading: String) -> [Substring] {
    let lines = Self.text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let start = lines.firstIndex(of: heading[...]) else { return [] }
    let rest = lines[(start + 1)...]
    return Array(rest.prefix { !$0.hasPrefix(".SS") && !$0.hasPrefix(".SH") })
  }

  @Test func everyCommandThatRunsHasASectionWithAllThatOnlyItTakes() {
    let common = Set(ArgumentDescription.all(of: Root.self).flatMap(\.words))
    func check(_ command: ParsableCommand.Type, _ path: [String]) {
      let name = path + [command._commandName]
      let inner = command.configuration.subcommands
      for command in inner { check(command, name) }
      guard inner.isEmpty else { return }
      let words = name.joined(separator: " ")
      let text = section(words.contains(" ") ? ".SS \"\(words)\"" : ".SS \(words)")
        .joined(separator: "\n")
      #expect(!text.isEmpty, "\(words)")
      for argument in ArgumentDescription.all(of: command)
      where common.isDisjoint(with: argument.words) {
        for word in argument.words { #expect(text.contains("\\fB\(word.roff)\\fP"), "\(words)") }
        #expect(text.contains(".TP"), "\(words)")
      }
    }
    for command in Root.configuration.subcommands { check(command, []) }
  }

  @Test func linesOfCommandsAreExamples() throws {
    let lines = section(".SS \"map lookup\"")
    let start = try #require(lines.firstIndex(of: ".EX"))
    #expect(lines[start + 1] == "guestscope map lookup id 12 key 3 0 0 0")
    #expect(!lines.contains { $0.hasPrefix("map lookup") })
    #expect(section(".SS \"prog list\"").contains("Also: prog show, prog."))
  }

  @Test func whatIsPrintedStandsForItself() {
    #expect("-j 'a' \\n \"^~`\"".roff == "\\-j \\(aqa\\(aq \\(rsn \\(dq\\(ha\\(ti\\(ga\\(dq")
    #expect("…".roff == "\\[u2026]")
    var page = Roff()
    page.prose(".bss is one. It is the second sentence.")
    #expect(page.text == "\\&.bss is one.\nIt is the second sentence.\n")
    page = Roff()
    page.usage("prog [id <n> | --ids] ...")
    #expect(page.text == "\\fBprog\\fP [\\fBid\\fP \\fIn\\fP | \\fB\\-\\-ids\\fP] ...\n")
  }

  /// Only macros that both groff and mandoc know, and no line that one of them would take for a macro.
  @Test func linesAreMacrosOrText() {
    let macros = ["TH", "SH", "SS", "PP", "TP", "RS", "RE", "EX", "EE", "br"]
    for line in Self.text.split(separator: "\n") {
      if line.first == "." {
        #expect(macros.contains { line == ".\($0)" || line.hasPrefix(".\($0) ") }, "\(line)")
      }
      #expect(line.allSatisfy(\.isASCII) && line.first != "'", "\(line)")
    }
  }
}
