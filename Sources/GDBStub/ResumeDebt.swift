import Glibc
import GuestScopeBytes
import Synchronization

/// Whether the guest stands still because of a connection of ours that has no `c` under way.
///
/// The one piece of state that a signal path and the guardian may look at, with room for one
/// connection: stubs that are used at the same time need one each. Exactly one `c` goes out on a
/// connection: a second one is a byte after the first, and *pauses* the guest.
public final class ResumeDebt: Sendable {
  private struct Debtors {
    /// The connection that `page` speaks of.
    var current: Int32?
    /// A connection whose link broke, and what it owes until another connection has paid. The page shows this
    /// record while no other connection is open.
    var broken: (descriptor: Int32, record: DebtRecord)?
  }

  private let debtors = Locked(Debtors())
  /// The same where the guest is owed a `c`, for the handler of a crash, which must not wait for a
  /// lock; -1 for none.
  private let owingAtCrash = Atomic<Int32>(-1)
  let page = DebtPage()

  public init() {}

  // MARK: The way of a connection

  /// Runs what connects and writes the greeting. A signal path waits until that is through.
  func begin(
    on descriptor: Int32, _ contact: Contact, _ connect: () throws(Socket.Failure) -> Void
  ) throws(Socket.Failure) {
    let outcome = debtors.withLock { debtors -> Result<Void, Socket.Failure> in
      set(&debtors, descriptor, DebtRecord(.unknown, contact, ran: page.record.ran))
      do throws(Socket.Failure) { try connect() } catch {
        // Nobody stands still for a connection that did not come about.
        if error.call == "connect" { clear(&debtors) }
        return .failure(error)
      }
      return .success(())
    }
    try outcome.get()
  }

  /// Notes what was found out about a connection.
  func note(_ descriptor: Int32, _ change: (inout DebtRecord) -> Void) {
    debtors.withLock { debtors in
      guard debtors.current == descriptor else { return }
      var record = page.record
      change(&record)
      set(&debtors, descriptor, record)
    }
  }

  /// The connection ends, and owes nothing.
  func forget(_ descriptor: Int32) {
    debtors.withLock { debtors in
      if debtors.current == descriptor { clear(&debtors) }
    }
  }

  /// Runs `pay`, which pays on other connections what this one owes. The program may be killed at any moment, so
  /// the page shows the debt until it is paid.
  func whileBroken<R>(_ descriptor: Int32, owes record: DebtRecord, _ pay: () -> R) -> R {
    debtors.withLock { debtors in
      debtors.broken = (descriptor, record)
      set(&debtors, descriptor, record)
    }
    defer {
      brokenIsPaid()
      debtors.withLock { debtors in
        if debtors.current == descriptor { clear(&debtors) }
      }
    }
    return pay()
  }

  /// A connection that was to pay what the broken one owes has shown that the guest ran.
  func brokenHasRun() {
    debtors.withLock { debtors in
      debtors.broken?.record.ran = true
      var record = page.record
      guard record.state != .nothing else { return }
      record.ran = true
      page.record = record
    }
  }

  /// What the connection with the broken link owed is paid.
  func brokenIsPaid() { debtors.withLock { $0.broken = nil } }

  /// What the connection owes.
  func record(of descriptor: Int32) -> DebtRecord {
    debtors.withLock { $0.current == descriptor ? page.record : .nothing }
  }

  /// Runs a write on a connection: a signal path waits, and nothing follows a `c`.
  func during(
    _ descriptor: Int32, holdsResume: Bool, _ write: () throws(Socket.Failure) -> Void
  ) throws(Socket.Failure) {
    let outcome = debtors.withLock { debtors -> Result<Void, Socket.Failure> in
      if holdsResume {
        set(&debtors, descriptor, DebtRecord(.resuming, page.record.contact))
      }
      do throws(Socket.Failure) { return .success(try write()) } catch { return .failure(error) }
    }
    try outcome.get()
  }

  /// Pays what one connection owes and has no `c` under way for. False when nothing is owed, or nothing can
  /// be written.
  @discardableResult
  func pay(on descriptor: Int32) -> Bool {
    debtors.withLock { debtors in
      guard debtors.current == descriptor else { return false }
      return pay(&debtors)
    }
  }

  // MARK: Signal paths

  /// Lets the guest go on if it is owed. Callable from any thread, at any time.
  public func pay() { debtors.withLock { debtors in _ = pay(&debtors) } }

  /// Pays, and ends the program before any other write can follow.
  public func payLast(_ end: () -> Never) -> Never {
    // A write takes microseconds, and so does a stub's word on whether its guest ran. Only a
    // connection that does not come about takes longer, and no guest stands still for that.
    for attempt in 0..<100 {
      _ = debtors.withLockIfAvailable { debtors in
        if page.record.state == .unknown, attempt < 50 { return }
        _ = pay(&debtors)
        end()
      }
      usleep(2000)
    }
    end()
  }

  /// Does something that may take as long as it likes, when no guest stands still for us and none
  /// can be stopped meanwhile. After a second of waiting in any case.
  ///
  /// - Parameters:
  ///   - attempts: how often it looks before it waits no longer, with a millisecond between two.
  ///   - isMeant: true while the user holds the guest: then there is nothing to wait for.
  public func whenClear(
    attempts: Int = 1000, isMeant: () -> Bool = { false }, _ body: () -> Void
  ) {
    for _ in 0..<attempts {
      let isDone = debtors.withLock { _ in
        guard page.record.state == .nothing || isMeant() else { return false }
        body()
        return true
      }
      if isDone { return }
      usleep(1000)
    }
    body()
  }

  /// Pays in a signal handler, when the program crashed and may hold the lock: takes no lock and
  /// allocates nothing.
  public func payAtCrash() {
    let descriptor = owingAtCrash.exchange(-1, ordering: .acquiringAndReleasing)
    if descriptor >= 0 { _ = Self.resume(descriptor) }
  }

  // MARK: Paying

  private func pay(_ debtors: inout Debtors) -> Bool {
    guard let descriptor = debtors.current, page.record.isLikelyOwed else { return false }
    // Where the link is broken it stays owed, and the guardian pays.
    guard Self.resume(descriptor) else { return false }
    set(&debtors, descriptor, .nothing)
    return true
  }

  private func clear(_ debtors: inout Debtors) {
    set(&debtors, debtors.broken?.descriptor, debtors.broken?.record ?? .nothing)
  }

  private func set(_ debtors: inout Debtors, _ descriptor: Int32?, _ record: DebtRecord) {
    debtors.current = descriptor
    page.record = record
    owingAtCrash.store(record.state == .owed ? descriptor ?? -1 : -1, ordering: .releasing)
  }

  /// False where the link is broken.
  static func resume(_ descriptor: Int32) -> Bool {
    let count = payment.utf8CodeUnitCount
    return unsafe send(descriptor, payment.utf8Start, count, Int32(MSG_NOSIGNAL)) == count
  }

  /// The empty packet goes before it. It takes with it the rest of a packet that was cut off, and
  /// where the guest runs already, because somebody else let it go on or because a `c` of ours had
  /// gone out, its first byte is the one that stops it and is lost.
  static let payment: StaticString = "$#00$c#63"
}
