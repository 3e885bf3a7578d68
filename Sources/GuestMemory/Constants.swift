/// What was made of bytes of the guest that never change while an object lives: the types of a
/// program, the long form of its name. Kept over passes and snapshots of one kernel.
final class Constants {
  private var values: [ObjectKey: Any] = [:]
  /// What was shown to last.
  fileprivate(set) var lasting: [ObjectKey: LastingBytes] = [:]
  /// Snapshots so far.
  private var snapshots = 0
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

  func beginSnapshot() {
    failures = [:]
    snapshots += 1
  }

  fileprivate func note(_ parts: [ArraySlice<UInt8>], of key: ObjectKey) {
    if lasting.count >= Self.most { lasting = [:] }
    lasting[key] = LastingBytes(parts: parts, snapshot: snapshots)
  }

  fileprivate func isFromBefore(_ key: ObjectKey) -> Bool {
    lasting[key].map { $0.snapshot < snapshots } ?? false
  }

  /// Takes over what an earlier session was shown.
  func recall(_ known: [ObjectKey: [[UInt8]]]) {
    lasting = known.mapValues { LastingBytes(parts: $0.map { $0[...] }, snapshot: 0) }
  }
}

/// Bytes that stay as they are while an object lives.
struct LastingBytes {
  var parts: [ArraySlice<UInt8>]
  /// The snapshot that showed them first.
  var snapshot: Int
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
  public func lasting(
    _ key: ObjectKey, _ read: () throws(ReadFault) -> [ArraySlice<UInt8>]?
  ) throws(ReadFault) -> [ArraySlice<UInt8>]? {
    if let known = constants.lasting[key] { return known.parts }
    let parts = try read()
    if isSnapshot, let parts { constants.note(parts, of: key) }
    return parts
  }

  /// True for what an earlier snapshot has shown, so that this one does not read it.
  public func knowsFromBefore(_ key: ObjectKey) -> Bool { constants.isFromBefore(key) }
}
