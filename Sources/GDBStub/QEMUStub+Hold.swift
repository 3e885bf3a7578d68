import GuestScopeGuestMemory

extension QEMUStub {
  /// Stops the guest until `release()`. Our own death lets it go on if there is a guardian.
  public func hold() throws(GuestMemError) {
    guard held == nil else { return }
    try link.checkInterrupted()
    let arrival = try arrive()
    guard runState == .running else {
      let outcome = try link.settling(arrival.connection, of: threads) { () throws(GuestMemError) in
        try arrival.finish([])
      }
      return noteEnd(of: arrival, outcome)
    }
    let first = arrival.connection.first
    held = (arrival.connection, first, first)
  }

  /// True between `hold()` and `release()`.
  public var isHeld: Bool { held != nil }

  public func release() throws(GuestMemError) {
    guard let (connection, since, counted) = held else { return }
    held = nil
    let outcome = try link.settling(connection, of: threads) { () throws(GuestMemError) in
      try connection.ask([.resume])
    }
    link.count(pause: outcome.last - since, earlier: counted - since)
  }

  /// Counts the time of the hold, if there is one.
  func countHeld(until moment: Moment) {
    guard let held else { return }
    link.count(pause: moment - held.since, earlier: held.counted - held.since)
    self.held?.counted = moment
  }
}
