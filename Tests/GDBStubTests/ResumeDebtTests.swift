import Glibc
import TestSupport
import Testing

@testable import GuestScopeGDBStub

/// What is known of a debt at each moment at which the program may be killed.
@Suite struct ResumeDebtTests {
  private let owed = DebtRecord(.owed, .afterRunning, ran: true)

  @Test func whatABrokenLinkOwesIsOwedUntilAnotherHasPaid() throws {
    let debt = ResumeDebt()
    debt.whileBroken(3, owes: owed) {
      #expect(debt.page.record == owed)
      // Two more connections fail, one of them before it is connected.
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
      debt.brokenIsPaid()
      debt.forget(6)
      #expect(debt.page.record == .nothing)
    }
    #expect(debt.page.record.state == .nothing)
    debt.whileBroken(3, owes: owed) {}
    #expect(debt.page.record == .nothing)
  }

  /// The guest stands still because of the connection that broke. Until it is decided whether it goes on, the
  /// guardian must be able to decide.
  @Test func whoComesAfterABrokenLinkOwesUntilItIsSettled() throws {
    let qemu = FakeQEMU(version: "7.2.22", isRunning: false)
    defer { qemu.end() }
    let link = try StubLink(
      .tcp(host: "127.0.0.1", port: qemu.port), StubOptions(), debt: ResumeDebt())
    let record = try link.debt.whileBroken(-2, owes: owed) {
      Result {
        let connection = try link.open(.afterRunning, timeout: .seconds(5))
        let arrival = try Arrival(connection, .afterRunning, link)
        #expect(arrival.verdict == .stopped(reason: nil))
        return link.debt.page.record
      }
    }.get()
    #expect(record.state == .unknown && record.ran)
  }

  /// Without that it is somebody else who has stopped it.
  @Test func whoFindsAStoppedGuestOwesNothing() throws {
    let qemu = FakeQEMU(version: "7.2.22", isRunning: false)
    defer { qemu.end() }
    let link = try StubLink(
      .tcp(host: "127.0.0.1", port: qemu.port), StubOptions(), debt: ResumeDebt())
    let connection = try link.open(.afterRunning, timeout: .seconds(5))
    let arrival = try Arrival(connection, .afterRunning, link)
    #expect(arrival.verdict == .stopped(reason: nil))
    #expect(link.debt.page.record.state == .nothing)
  }
}
