import Foundation
import Glibc
import Testing

@testable import GuestScopeGDBStub

/// Who takes over the connection of a process that died.
@Suite struct HeirTests {
  /// Acts as a stub that reads up to `last`, answers with `words` and closes.
  private func settle(
    _ record: DebtRecord, after last: String = "$c#63", stubSays words: String
  ) -> Heir.Outcome {
    var ends: [Int32] = [-1, -1]
    _ = unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
    let (ours, stubs) = (ends[0], ends[1])
    let hasGone = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      var heard = ""
      var byte: UInt8 = 0
      while !heard.hasSuffix(last), unsafe recv(stubs, &byte, 1, 0) == 1 {
        heard.append(Character(Unicode.Scalar(byte)))
      }
      _ = unsafe send(stubs, words, words.utf8.count, Int32(MSG_NOSIGNAL))
      close(stubs)
      hasGone.signal()
    }
    defer {
      close(ours)
      hasGone.wait()
    }
    return Heir(ours, record).settle()
  }

  private func isSettled(_ outcome: Heir.Outcome) -> Bool {
    if case .isSettled = outcome { return true }
    return false
  }

  @Test func aDebtIsPaidOnceTheStubHasTheResume() {
    #expect(isSettled(settle(DebtRecord(.owed, .first), stubSays: "+$#00+")))
    #expect(isSettled(settle(DebtRecord(.owed, .first), stubSays: "+$00#60-+")))
    #expect(isSettled(settle(DebtRecord(.resuming, .first), stubSays: "$T02thread:01;#04+")))
    // The owner has paid in the handler of its crash, and the guest ran.
    #expect(isSettled(settle(DebtRecord(.owed, .first), stubSays: "+$#00+$T02thread:01;#04+")))
  }

  /// The payment went to a link that was breaking, and may have reached nobody. An acknowledgement may be that of
  /// a question before it.
  @Test(arguments: [
    ("", DebtRecord(.owed, .first)), ("+$OK#9a", DebtRecord(.owed, .first)),
    ("+$#00", DebtRecord(.owed, .first)), ("+$OK#9a+", DebtRecord(.owed, .first)),
    ("", DebtRecord(.resuming, .afterRunning)), ("+$OK#9a", DebtRecord(.resuming, .afterRunning)),
  ])
  func aLinkThatEndsWithoutAnAcknowledgementIsBroken(words: String, record: DebtRecord) {
    guard case .linkIsBroken(let next) = settle(record, stubSays: words) else {
      Issue.record("the debt counts as paid")
      return
    }
    #expect(next.ran)
  }

  /// The link broke before the owner died, and what the stub had said lies in the socket: before it takes a
  /// greeting, QEMU reports a stop that this connection caused twice.
  @Test(arguments: [
    ("$T02thread:01;#04", true), ("$T02thread:01;#04+", false), ("", false),
    ("$T02thread:01;#04$T02thread:01;#04+", true), ("$T02thr", true),
  ])
  func theLastWordsOfABrokenLinkShowWhetherTheGuestRan(words: String, hasRun: Bool) {
    var ends: [Int32] = [-1, -1]
    _ = unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
    _ = unsafe send(ends[1], words, words.utf8.count, Int32(MSG_NOSIGNAL))
    close(ends[1])
    defer { close(ends[0]) }
    guard case .linkIsBroken(let next) = Heir(ends[0], DebtRecord(.unknown, .first)).settle() else {
      Issue.record("the debt counts as settled")
      return
    }
    #expect(next.ran == hasRun)
  }

  /// The link breaks while the heir asks what its owner had not found out: the one stop that the stub reported
  /// before its greeting shows that the guest ran.
  @Test(arguments: [("$T02thread:01;#04", true), ("", false), ("+$#00", false)])
  func aLinkThatBreaksMayHaveShownThatTheGuestRan(words: String, hasRun: Bool) {
    let outcome = settle(DebtRecord(.unknown, .afterRunning), after: "$#00", stubSays: words)
    guard case .linkIsBroken(let next) = outcome else {
      Issue.record("the debt counts as settled")
      return
    }
    #expect(next.ran == hasRun)
  }
}
