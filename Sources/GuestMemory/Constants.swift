/// What was made of bytes of the guest that never change while an object lives: the types of a
/// program, the long form of its name. Kept over passes and snapshots of one kernel.
final class Constants {
  private var values: [ObjectKey: Any] = [:]
  /// What lasts, by the object that it belongs to.
  private(set) var lasting: [ObjectKey: LastingObject] = [:]
  /// Snapshots so far.
  private var snapshots = 0
  /// The last of them that gave an answer.
  private var answered = 0
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
    // Never during a snapshot, whose plan and closing must know the same.
    guard lasting.count > Self.most / 2 else { return }
    lasting = lasting.filter { $0.value.lastUse >= snapshots - 1 }
  }

  /// The snapshot of this number has given its answer, and shown that what was known still holds.
  func endSnapshot() { answered = snapshots }

  fileprivate func known(_ part: ObjectKey, of owner: ObjectKey) -> [ArraySlice<UInt8>]? {
    guard let object = lasting[owner] else { return nil }
    object.lastUse = snapshots
    return object.parts[part]
  }

  /// False if the limit of known objects is reached.
  fileprivate func hasRoom(for owner: ObjectKey) -> Bool {
    lasting.count < Self.most || lasting[owner] != nil
  }

  fileprivate func note(_ bytes: [ArraySlice<UInt8>], _ part: ObjectKey, of owner: ObjectKey) {
    if let object = lasting[owner] {
      object.parts[part] = bytes
    } else if hasRoom(for: owner) {
      lasting[owner] = LastingObject([part: bytes], snapshots)
    }
  }

  /// 0 for an object that an answer has shown to be unchanged, else the number of the snapshot that found it.
  /// Nil for one that is not known.
  fileprivate func generation(of owner: ObjectKey) -> Int? {
    lasting[owner].map { $0.firstUse <= answered ? 0 : $0.firstUse }
  }

  fileprivate var currentGeneration: Int { snapshots }

  /// Takes over what an earlier session knew.
  func recall(_ objects: [ObjectKey: [ObjectKey: [[UInt8]]]]) {
    lasting = objects.mapValues { LastingObject($0.mapValues { $0.map { $0[...] } }, 0) }
  }

  /// What another session may begin with. Of many objects, those that this one has used: others may be gone.
  var toRemember: [ObjectKey: [ObjectKey: [[UInt8]]]] {
    let isMany = lasting.count > Self.mostUnused
    return lasting.filter { _, object in
      object.firstUse <= answered && (!isMany || object.lastUse > 0)
    }.mapValues { object in
      object.parts.mapValues { $0.map(Array.init) }
    }
  }

  private static let mostUnused = 1 << 12
}

/// What is known of an object and stays as it is while the object lives: the bytes of its structures, each by
/// its declaration and address.
final class LastingObject {
  fileprivate(set) var parts: [ObjectKey: [ArraySlice<UInt8>]]
  /// The snapshots that found it and that used it last; 0 for an earlier session.
  let firstUse: Int
  fileprivate(set) var lastUse: Int

  fileprivate init(_ parts: [ObjectKey: [ArraySlice<UInt8>]], _ snapshot: Int) {
    (self.parts, firstUse, lastUse) = (parts, snapshot, snapshot)
  }
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

  /// Bytes that never change while an object lives but may be read before the object is complete. They are
  /// read once, in discovery, and are not part of the closing stop. This is sound because the caller takes the
  /// object's key from the kernel's table before these bytes are read, and the closing stop reads the table
  /// again: the object existed throughout.
  ///
  /// - Parameters:
  ///   - part: names what of the object is wanted.
  ///   - owner: the object, which the caller must have from this view, as for a constant.
  ///   - read: gives nil where the object itself shows that it is not complete.
  public func lasting(
    _ part: ObjectKey, of owner: ObjectKey,
    _ read: () throws(ReadFault) -> [ArraySlice<UInt8>]?
  ) throws(ReadFault) -> [ArraySlice<UInt8>]? {
    if let known = constants.known(part, of: owner) { return known }
    let before = misses.count
    if !isSnapshot, !isForecast, constants.hasRoom(for: owner), let bytes = try outOfPlan(read),
      misses.count == before
    {
      constants.note(bytes, part, of: owner)
      return bytes
    }
    // Not kept: it is part of the plan, so that the closing stop reads it or shows why it cannot.
    let bytes = try read()
    if isSnapshot, let bytes { constants.note(bytes, part, of: owner) }
    return bytes
  }

  /// Runs `read` without adding to the plan. Returns nil if the memory is unreadable.
  private func outOfPlan(
    _ read: () throws(ReadFault) -> [ArraySlice<UInt8>]?
  ) throws(ReadFault) -> [ArraySlice<UInt8>]? {
    let isOuter = !isReadingLasting
    isReadingLasting = true
    defer { if isOuter { isReadingLasting = false } }
    do throws(ReadFault) { return try read() } catch {
      guard case .unreadable = error else { throw error }
      return nil
    }
  }

  /// Of objects ordered from the newest to the oldest, the newest known one of each generation: if it is
  /// unchanged, so are all older ones of its generation.
  ///
  /// Objects that this snapshot has found need no such check. In discovery the newest of them is included all
  /// the same, so that the next snapshot finds it in its plan.
  public func newestOfEachGeneration(of owners: some Sequence<ObjectKey>) -> [ObjectKey] {
    var generations: Set<Int> = isSnapshot ? [constants.currentGeneration] : []
    return owners.filter { owner in
      constants.generation(of: owner).map { generations.insert($0).inserted } ?? false
    }
  }
}
