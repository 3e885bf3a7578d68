import ArgumentParser
import Foundation
import GuestScopeGDBStub
import Testing

@testable import Commands

/// What is written where and when.
@Suite final class ConsoleTests {
  private let (answers, notes) = (Pipe(), Pipe())
  private let console: Console

  init() {
    for pipe in [answers, notes] {
      _ = fcntl(pipe.fileHandleForReading.fileDescriptor, F_SETFL, O_NONBLOCK)
    }
    console = Console(
      output: answers.fileHandleForWriting.fileDescriptor,
      errors: notes.fileHandleForWriting.fileDescriptor)
  }

  /// What was written since the last call.
  private func text(_ pipe: Pipe) -> String {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = read(pipe.fileHandleForReading.fileDescriptor, &bytes, bytes.count)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  @Test func notesDoNotTearTheLineThatIsEdited() {
    console.prefix = ""
    console.note("before")
    console.isEditing = true
    console.note("a note")
    console.trace("<- OK")
    #expect(text(notes) == "before\n")
    // The prompt shows them above the line, or they wait for its end.
    #expect(console.takeNotes() == ["a note", "<- OK"])
    console.note("another")
    console.isEditing = false
    #expect(text(notes) == "another\n")
    console.note("after")
    #expect(text(notes) == "after\n")
  }

  /// At a prompt, without a guest.
  private func shell() throws -> Shell {
    let root = try #require(try Root.parse(words: ["-c", "unix:/no/such/socket"]) as? Root)
    let shell = Shell(
      Session(root.session, console: console, debt: ResumeDebt(), isShared: true),
      console: console, output: root.output)
    shell.history = { [] }
    return shell
  }

  @Test func whatAParserSaysIsShort() throws {
    let shell = try shell()
    console.prefix = ""
    #expect(shell.run(line: "help quit") == 0)
    let help = text(answers)
    #expect(help.hasPrefix("OVERVIEW: End the session.\n") && !help.hasSuffix("\n\n"))
    #expect(shell.run(line: "prog list 5") == 64)
    #expect(text(notes).hasSuffix("\nusage: prog list [id <n> | name <glob> | type <type>] ...\n"))
    #expect(shell.run(line: "read x") == 64)
    #expect(text(notes).contains("\nusage: read <address> <length> [--as <format>]"))
    // The usage of all commands together tells nothing.
    #expect(shell.run(line: "--timeout x") == 64)
    #expect(!text(notes).contains("usage:"))
  }

  @Test func historyIsALineOrADocument() throws {
    let shell = try shell()
    shell.history = { ["info", "sym \"x\""] }
    #expect(shell.run(line: "history") == 0)
    #expect(text(answers) == "1  info\n2  sym \"x\"\n")
    #expect(shell.run(line: "history -j 1") == 0)
    #expect(text(answers) == #"["sym \"x\""]"# + "\n")
    #expect(text(notes) == "")
  }
}
