import Foundation
import Glibc
import Testing

@testable import GuestScopeGDBStub

/// Who takes over the connection of a process that died.
@Suite struct HeirTests {
  /// A stub that reads what the heir writes, up to its `c` or what else there is, says something, and goes.
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
    #expect(isSettled(settle(DebtRecord(.resuming, .first), stubSays: "$T02thread:01;#04+")))
  }

  /// What was written reached a link that was breaking, and nobody else.
  @Test(arguments: ["", "+$OK#9a", "+$#00"])
  func aLinkThatEndsWithoutAnAcknowledgementIsBroken(words: String) {
    for record in [DebtRecord(.owed, .first), DebtRecord(.resuming, .afterRunning)] {
      guard case .linkIsBroken(let ran) = settle(record, stubSays: words) else {
        Issue.record("the debt counts as paid")
        continue
      }
      #expect(ran)
    }
  }

  /// The link breaks while the heir asks what its owner had not found out: the one stop that the stub reported
  /// before its greeting shows that the guest ran.
  @Test(arguments: [("$T02thread:01;#04", true), ("", false), ("+$#00", false)])
  func aLinkThatBreaksMayHaveShownThatTheGuestRan(words: String, hasRun: Bool) {
    let outcome = settle(DebtRecord(.unknown, .afterRunning), after: "$#00", stubSays: words)
    guard case .linkIsBroken(let ran) = outcome else {
      Issue.record("the debt counts as settled")
      return
    }
    #expect(ran == hasRun)
  }
}
