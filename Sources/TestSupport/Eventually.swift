import Glibc

/// Waits until something is so; false when the time is over. That is long, for a machine may have much else to
/// do, and what is so costs none of it.
public func eventually(seconds: Int = 20, _ isSo: () throws -> Bool) rethrows -> Bool {
  for _ in 0..<200 * seconds {
    if try isSo() { return true }
    usleep(5000)
  }
  return false
}
