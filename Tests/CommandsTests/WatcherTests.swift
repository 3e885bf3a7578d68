import ArgumentParser
import Foundation
import GuestScopeGuestMemory
import TestSupport
import Testing

@testable import Commands

/// Answers what a test wants it to, or fails.
private struct Scripted: GuestCommand {
  nonisolated(unsafe) static var answers: [Result<JSON, any Error>] = []

  @OptionGroup var output: OutputOptions
  @OptionGroup var session: SessionOptions

  func answer(in session: Session) throws -> Answer {
    guard let answer = Self.answers.first else {
      throw CommandError("more samples than were expected")
    }
    Self.answers.removeFirst()
    return Answer(try answer.get(), .lines([]))
  }
}

/// The samples of `watch`, one after the other.
@Suite(.serialized) final class WatcherTests: ProgramBench {
  private static let moving = Result<JSON, any Error>.failure(SnapshotError.tooManySteps(1))

  private func lines(_ answers: [Result<JSON, any Error>]) throws -> (
    status: Int32, lines: [String]
  ) {
    Scripted.answers = answers
    let file = folder.path(of: "out")
    let descriptor = open(file, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    defer { close(descriptor) }
    let options = try SessionOptions.parse(["-c", ":\(qemu.port)", "-k", kernel])
    let console = Console(output: descriptor, errors: descriptor)
    let session = Session(options, console: console, debt: .init(), isShared: true)
    let pace = try WatchPace.parse(["-n", "0.01", "--count", "2"])
    let shell = Shell(session, console: console, output: try OutputOptions.parse(["-j"]))
    let status = Watcher(
      try Scripted.parse([]), pace, shell, .json, .everything
    ).run()
    let text = try String(contentsOfFile: file, encoding: .utf8)
    return (status, text.split(separator: "\n").map(String.init))
  }

  private func sample(_ number: UInt64) -> Result<JSON, any Error> {
    .success([["name": "one", "value": .unsigned(number)]])
  }

  @Test func aMomentWithoutAnAnswerIsLeftOut() throws {
    let (status, lines) = try lines([sample(1), Self.moving, Self.moving, sample(3)])
    #expect(status == 2 && lines.count == 4, "\(lines)")
    #expect(lines[1].hasPrefix("guestscope: a sample was left out: "))
    #expect(lines[3].contains(#""value":3"#))
  }

  @Test func programsThatAreGoneMayComeAgain() throws {
    var gone = CommandError("the guest has no program with name churn_*")
    gone.isOfSelection = true
    let (status, lines) = try lines([sample(1), .failure(gone), sample(2)])
    #expect(status == 2 && lines.count == 3 && lines[1].contains("churn_*"), "\(lines)")
  }

  @Test func whatFailsAtTheFirstLookEndsIt() throws {
    let (status, lines) = try lines([Self.moving, sample(1)])
    #expect(status == 1 && lines.count == 2, "\(lines)")
  }

  @Test func aConnectionThatIsLostEndsIt() throws {
    let (status, lines) = try lines([
      sample(1), .failure(GuestMemError(.lost, "it is gone")), sample(2),
    ])
    #expect(status == 1 && lines.last == "guestscope: it is gone", "\(lines)")
  }
}
