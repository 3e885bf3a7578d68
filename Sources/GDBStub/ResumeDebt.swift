import Glibc
import Synchronization

/// Whether the guest stands still because of a connection of ours that has no `c` under way.
///
/// The one piece of state that a signal path may look at, with room for one connection: stubs that
/// are used at the same time need one each. Exactly one `c` goes out on a
/// connection: a second one is a byte after the first, and *pauses* the guest.
public final class ResumeDebt: Sendable {
  /// The connection's descriptor.
  private let owing = Mutex<Int32?>(nil)
  /// The same for the handler of a crash, which must not wait for a lock; -1 for none.
  private let owingAtCrash = Atomic<Int32>(-1)

  public init() {}

  /// Runs a write that opens a connection, with the debt set before and, where the write holds
  /// `c`, cleared after. A signal path waits until the write is through.
  func issue(
    on descriptor: Int32, holdsResume: Bool, _ write: () throws(Socket.Failure) -> Void
  ) throws(Socket.Failure) {
    let outcome = owing.withLock { owing -> Result<Void, Socket.Failure> in
      set(&owing, descriptor)
      do throws(Socket.Failure) { try write() } catch {
        // Nobody stands still for a connection that did not come about.
        if error.call == "connect" { set(&owing, nil) }
        return .failure(error)
      }
      if holdsResume { set(&owing, nil) }
      return .success(())
    }
    try outcome.get()
  }

  /// The connection owes after all: the guest was running before it.
  func owe(_ descriptor: Int32) { owing.withLock { owing in set(&owing, descriptor) } }

  /// The connection owes nothing after all: the guest was stopped before it.
  func forgive(_ descriptor: Int32) {
    owing.withLock { owing in if owing == descriptor { set(&owing, nil) } }
  }

  /// Runs a write on a connection that is held: a signal path waits, and nothing follows its `c`.
  func during<E: Error>(_ write: () throws(E) -> Void) throws(E) {
    let outcome = owing.withLock { _ -> Result<Void, E> in
      do throws(E) { return .success(try write()) } catch { return .failure(error) }
    }
    try outcome.get()
  }

  /// Lets the guest go on if it is owed. For signal paths: callable from any thread, at any time.
  public func pay() { pay(on: nil) }

  /// Pays, and ends the program before any other write can follow.
  public func payLast(_ end: () -> Never) -> Never {
    // A write takes microseconds. Only a connection that does not come about takes longer, and no
    // guest stands still for that.
    for _ in 0..<100 {
      _ = owing.withLockIfAvailable { owing -> Never in
        if let descriptor = owing { Self.resume(descriptor) }
        end()
      }
      usleep(2000)
    }
    end()
  }

  /// Does something that may take as long as it likes, when no guest stands still for us and none
  /// can be stopped meanwhile. After a second of waiting in any case.
  ///
  /// - Parameter isMeant: true while the user holds the guest, which is no reason to wait.
  public func whenClear(isMeant: () -> Bool = { false }, _ body: () -> Void) {
    for _ in 0..<1000 {
      let isDone = owing.withLock { owing in
        guard owing == nil || isMeant() else { return false }
        body()
        return true
      }
      if isDone { return }
      usleep(1000)
    }
    body()
  }

  /// Pays what one connection owes; nil for whichever does. False when nothing is owed.
  @discardableResult
  func pay(on connection: Int32?) -> Bool {
    owing.withLock { owing in
      guard let descriptor = owing, connection == nil || connection == descriptor else {
        return false
      }
      Self.resume(descriptor)
      set(&owing, nil)
      return true
    }
  }

  /// Pays in a signal handler, when the program crashed and may hold the lock: takes no lock and
  /// allocates nothing.
  public func payAtCrash() {
    let descriptor = owingAtCrash.exchange(-1, ordering: .acquiringAndReleasing)
    if descriptor >= 0 { Self.resume(descriptor) }
  }

  private func set(_ owing: inout Int32?, _ descriptor: Int32?) {
    owing = descriptor
    owingAtCrash.store(descriptor ?? -1, ordering: .releasing)
  }

  private static func resume(_ descriptor: Int32) {
    _ = unsafe send(
      descriptor, payment.utf8Start, payment.utf8CodeUnitCount, Int32(MSG_NOSIGNAL))
  }

  /// The empty packet goes before it. It takes with it the rest of a packet that was cut off, and
  /// where somebody else let the guest go on, its first byte is the one that stops it and is lost.
  static let payment: StaticString = "$#00$c#63"
}
