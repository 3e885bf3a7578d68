import ArgumentParser
import Foundation
import Testing

@testable import Commands

/// docs/commands.md and the manual page say what the program says. `scripts/docs` writes both.
@Suite struct CommandReferenceTests {
  private static let docs = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "docs")

  @Test(arguments: ["commands.md", "man/guestscope.1"])
  func documentationIsCurrent(name: String) throws {
    let text = name == "commands.md" ? Root.reference : ManualPage.text
    let file = Self.docs.appending(path: name)
    if ProcessInfo.processInfo.environment["GUESTSCOPE_WRITE_DOCS"] != nil {
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    let written = try String(contentsOf: file, encoding: .utf8)
    // A failure does not print the two texts, which have thousands of lines.
    let isCurrent = written == text
    #expect(isCurrent, "docs/\(name) differs: run scripts/docs")
  }

  @Test func everyCommandIsInTheListAndTheReference() {
    let reference = Root.reference
    for command in Root.configuration.subcommands {
      let name = command._commandName
      #expect(Root.commandList.contains("\n  \(name)"))
      #expect(reference.contains("### \(name)\n"))
      #expect(!command.configuration.abstract.isEmpty)
    }
  }

  @Test func optionsAreThoseOfTheHelp() throws {
    let options = OptionDescription.all(of: Read.self)
    #expect(options.contains { Set($0.words) == ["-j", "--json"] && $0.values == nil })
    let form = try #require(options.first { Set($0.words) == ["-t", "--as"] })
    #expect(form.values == ["hex", "x8", "x4", "string"])
    #expect(!options.contains { $0.words.contains("--connect") })
    let all = OptionDescription.all(of: Root.self).flatMap(\.words)
    #expect(Set(all).isSuperset(of: ["--keep-going", "-c", "--connect", "-e", "-f", "--help"]))
  }

  /// The parser gives an option to the outermost command that has it, wherever it stands.
  @Test func noCommandHasAnOptionThatMeansAnotherThingBeforeIt() {
    let shared: Set = ["-j", "--json", "-p", "--pretty", "--wide", "--keep-going", "-h", "--help"]
    let outer = Set(OptionDescription.all(of: Root.self).flatMap(\.words)).subtracting(shared)
    #expect(outer.contains("-f") && outer.contains("--stats"))
    func check(_ command: ParsableCommand.Type) {
      let own = OptionDescription.all(of: command).flatMap(\.words)
      #expect(outer.isDisjoint(with: own), "\(command): \(own)")
      command.configuration.subcommands.forEach(check)
    }
    Root.configuration.subcommands.forEach(check)
  }
}
