/// What was made of bytes of the guest that never change while an object lives: the types of a
/// program, the long form of its name. Kept over passes and snapshots of one kernel.
final class Constants {
  private var values: [ObjectKey: Any] = [:]
  /// What could not be made in this snapshot. The next one tries again.
  var failures: [ObjectKey: Unreadable] = [:]
  /// What the guide holds may be of the past: no constant is made of it alone. They are part of the
  /// plan until a closing stop has shown them.
  var areInPlan = false
  /// What the constants of this boot were made of.
  var uses: [PhysicalRange] = []

  subscript(key: ObjectKey) -> Any? {
    get { values[key] }
    set {
      // A guest that loads and unloads programs all day must not fill our memory.
      if values.count >= Self.most { values = [:] }
      values[key] = newValue
    }
  }

  private static let most = 1 << 16
}

extension MemoryView {
  /// What never changes while an object lives. It is read and decoded once, in discovery, and is
  /// not part of what a closing stop reads, unless the engine began with what an earlier session
  /// knew.
  ///
  /// The caller must have the address of the object from this view, so that a snapshot shows that
  /// the object still lives: the ids of BPF objects are cyclic, and an id at an address is that of
  /// one object.
  ///
  /// - Parameters:
  ///   - key: names the object and what of it is wanted.
  ///   - read: reads and decodes it. It runs again until nothing is missing.
  public func constant<T>(
    _ key: ObjectKey, _ read: () throws(ReadFault) -> T
  ) throws(ReadFault) -> T {
    if let known = constants[key], let value = known as? T { return value }
    if isSnapshot, let cause = constants.failures[key] { throw .unreadable(cause) }
    let isOuter = !isReadingConstant
    isReadingConstant = true
    defer { if isOuter { isReadingConstant = false } }
    let before = misses.count
    let value: T
    do throws(ReadFault) { value = try read() } catch {
      guard case .unreadable(let cause) = error else { throw error }
      // What seems not to be there may be in what an object inside has missed.
      guard misses.count == before else { throw .miss }
      constants.failures[key] = cause
      throw error
    }
    // A miss that an object inside has swallowed.
    guard misses.count == before else { throw .miss }
    if isSnapshot || !constants.areInPlan { constants[key] = value }
    return value
  }

  /// The same of what can be read too early, as an object that is still being made: it is part of the
  /// plan like anything else, until a snapshot has shown it.
  ///
  /// - Parameter read: gives nil where the object itself shows that it is not complete.
  public func lasting<T>(
    _ key: ObjectKey, _ read: () throws(ReadFault) -> T?
  ) throws(ReadFault) -> T? {
    if let known = constants[key], let value = known as? T { return value }
    let value = try read()
    if isSnapshot, let value { constants[key] = value }
    return value
  }
}
