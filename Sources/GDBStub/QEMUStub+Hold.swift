import GuestMemory
import RemoteProtocol

extension QEMUStub {
  /// Stops the guest until `release()`. A kill -9 meanwhile leaves it stopped.
  public func hold() throws(GuestMemError) {
    guard held == nil, runState == .running else { return }
    let requests: [Request] = [.empty]
    let (connection, start) = try link.connect(requests)
    let outcome = try connection.replies(to: requests, since: start)
    link.count(outcome, isStop: false)
    guard outcome.saidItStopped else { return try foundStopped(connection) }
    held = (connection, outcome.first, outcome.first)
  }

  /// True between `hold()` and `release()`.
  public var isHeld: Bool { held != nil }

  public func release() throws(GuestMemError) {
    guard let (connection, since, counted) = held else { return }
    held = nil
    let outcome = try connection.ask([.resume])
    link.countHold(outcome.last - since, earlier: counted - since)
  }

  /// Counts the time of the hold, if there is one.
  func countHeld(until moment: Moment) {
    guard let held else { return }
    link.countHold(moment - held.since, earlier: held.counted - held.since)
    self.held?.counted = moment
  }
}
