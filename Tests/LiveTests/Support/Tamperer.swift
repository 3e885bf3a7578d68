import Foundation
import TestSupport

/// Changes QEMU's words on all connections of one session.
final class Tamperer: @unchecked Sendable {
  private let tampering: Tampering
  private let lock = NSLock()
  private var random: SplitMix
  private var said = 0
  private var isOver = false
  private var changedRunState = false

  init(_ tampering: Tampering, using random: SplitMix) {
    (self.tampering, self.random) = (tampering, random)
  }

  /// Something was changed that says whether the guest ran.
  var hasChangedRunState: Bool { lock.withLock { changedRunState } }

  /// One connection, as far as it has come.
  private struct Progress {
    /// What is done goes on here.
    var isHere = false
    var hasToldStop = false
    /// Nothing of QEMU's is carried any more.
    var isQuiet = false
  }

  /// Carries all that QEMU says, until it closes the connection.
  func carry(_ qemu: TCPSocket, _ client: TCPSocket) {
    var words = StubWords()
    var progress = Progress()
    while case let bytes = qemu.receiveBytes(), !bytes.isEmpty {
      for word in words.take(bytes) where !progress.isQuiet {
        carry(word, qemu, client, &progress)
      }
    }
    client.end()
  }

  private func carry(
    _ word: [UInt8], _ qemu: TCPSocket, _ client: TCPSocket, _ progress: inout Progress
  ) {
    switch change(of: word, &progress) {
    case .none: client.send(word[...])
    case .instead(let bytes): client.send(bytes[...])
    case .late(let microseconds):
      usleep(microseconds)
      client.send(word[...])
    case .bytewise: for at in word.indices { client.send(word[at...at]) }
    case .last(let bytes):
      client.send(bytes[...])
      progress.isQuiet = true
    case .endlessStops:
      progress.isQuiet = true
      let stop = [UInt8](stubPayload: Array("T02thread:01;".utf8))
      // In a thread of its own, for QEMU must be heard out.
      Thread.detachNewThread { while client.send(stop[...]) { usleep(100) } }
    case .close:
      client.end()
      qemu.end()
      progress.isQuiet = true
    case .reset:
      client.resetAtRelease()
      qemu.resetAtRelease()
      progress.isQuiet = true
    }
  }

  private func change(of word: [UInt8], _ progress: inout Progress) -> Tampering.Change {
    lock.withLock {
      defer { if word.isStopReply { progress.hasToldStop = true } }
      said += word.count
      guard said > tampering.place else { return .none }
      switch tampering.scope {
      case .word where isOver: return .none
      case .connection where isOver && !progress.isHere: return .none
      default: break
      }
      let change = tampering.change(of: word, using: &random)
      if case .none = change { return change }
      (isOver, progress.isHere) = (true, true)
      if tampering.isOfRunState(word, hasToldStop: progress.hasToldStop) { changedRunState = true }
      return change
    }
  }
}
