import GuestScopeGuestMemory
import GuestScopeLinuxKernel

@testable import Commands

/// What an earlier session has left of a recorded guest, and an answer that rests on it.
func recall() throws -> FuzzTarget {
  nonisolated(unsafe) let recording = try recordings()[0]
  nonisolated(unsafe) let command = try recallingCommand()
  return { bytes in
    guard let record = try? GuestRecord(bytes) else { return }
    let guest = Replay(recording)
    let session = silentSession(asking: guest)
    if let boot = session.connection?.boot {
      session.connection?.boot.kernel = GuestKernel(
        recalling: record.kernel, recording.facts, guide: record.memory, in: boot.engine)
    }
    // It is refuted, or it is as good as what this session finds.
    let answer = try? command.answer(in: session)
    precondition(answer != nil, "no answer for what an earlier session has left")
    precondition(!guest.isHeld)
  }
}

private func recallingCommand() throws -> any GuestCommand {
  guard let command = try Root.parse(words: ["task", "show", "1"]) as? any GuestCommand else {
    throw Recording.Malformed(line: "task show 1")
  }
  return command
}

/// What a session leaves that has asked the recorded guest.
func recallSeeds() throws -> [[UInt8]] {
  let recording = try recordings()[0]
  let guest = Replay(recording)
  let session = silentSession(asking: guest)
  _ = try recallingCommand().answer(in: session)
  guard let boot = session.connection?.boot, let kernel = boot.kernel?.remembered else { return [] }
  return [GuestRecord(guest, kernel: kernel, memory: boot.engine.remembered).bytes]
}
