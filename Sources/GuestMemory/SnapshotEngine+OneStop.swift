/// Several samples in one stop of a running guest: for a few waves that depend on each other, where
/// that is predicted to be within the longest pause.
extension SnapshotEngine {
  /// Reads of a wave that finds a kernel: registers, some page tables.
  private static let readsPerWave = 8.0

  /// Does work in one stop, where it is short enough; the stop ends early when it turns out not to be.
  ///
  /// - Parameter waves: the samples that it is expected to take.
  public func inOneStop<T, E: Error>(
    waves: Int, _ work: () throws(E) -> T, failure: (GuestMemError) -> E
  ) throws(E) -> T {
    guard memory.consistency == .instant, isShort(waves: waves) else { return try work() }
    let limits = memory.limits
    do throws(GuestMemError) { try memory.hold() } catch { throw failure(error) }
    stop = Hold(limits)
    let outcome: Result<T, E>
    do throws(E) { outcome = .success(try work()) } catch { outcome = .failure(error) }
    do throws(GuestMemError) { try endStop() } catch { throw failure(error) }
    return try outcome.get()
  }

  private func isShort(waves: Int) -> Bool {
    let limits = memory.limits
    guard let pause = limits.pause else { return false }
    let wave = limits.roundTrip + .nanoseconds(Int64(Self.readsPerWave * limits.readCost))
    return limits.stopCost + wave * waves <= pause
  }

  /// Lets the guest go on, if `inOneStop` has stopped it.
  func endStop() throws(GuestMemError) {
    guard stop != nil else { return }
    stop = nil
    try memory.release()
  }
}
