import Glibc
import Testing

@testable import GuestScopeGDBStub

/// What is known of a debt at each moment at which the program may be killed.
@Suite struct ResumeDebtTests {
  private let owed = DebtRecord(.owed, .afterRunning, ran: true)

  @Test func whatABrokenLinkOwesIsOwedUntilAnotherHasPaid() throws {
    let debt = ResumeDebt()
    debt.whileBroken(3, owes: owed) {
      #expect(debt.page.record == owed)
      // Two more that come to nothing: one is not even connected.
      #expect(throws: Socket.Failure.self) {
        try debt.begin(on: 4, .first) { () throws(Socket.Failure) in
          throw Socket.Failure("connect", code: ECONNREFUSED)
        }
      }
      #expect(debt.page.record == owed)
      try? debt.begin(on: 5, .first) { () throws(Socket.Failure) in }
      #expect(debt.page.record == DebtRecord(.unknown, .first, ran: true))
      debt.forget(5)
      #expect(debt.page.record == owed)
      // One that lets the guest go on.
      try? debt.begin(on: 6, .first) { () throws(Socket.Failure) in }
      try? debt.during(6, holdsResume: true) { () throws(Socket.Failure) in }
      debt.note(6) { $0.state = .nothing }
      #expect(debt.page.record.state == .nothing)
    }
    #expect(debt.page.record.state == .nothing)
    debt.whileBroken(3, owes: owed) {}
    #expect(debt.page.record == .nothing)
  }

  /// What was paid on a link that breaks has perhaps reached nobody: a guardian looks.
  @Test func aPaymentIsNotOverBeforeTheConnectionIs() throws {
    var ends: [Int32] = [-1, -1]
    _ = unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
    defer { for end in ends { close(end) } }
    let debt = ResumeDebt()
    try debt.begin(on: ends[0], .first) { () throws(Socket.Failure) in }
    debt.note(ends[0]) { $0.state = .owed }
    debt.pay()
    #expect(debt.page.record.state == .resuming)
    // No second `c`.
    #expect(!debt.pay(on: ends[0]))
    debt.forget(ends[0])
    #expect(debt.page.record == .nothing)
  }
}
