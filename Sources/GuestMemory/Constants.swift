/// What was made of bytes of the guest that never change while an object lives: the types of a
/// program, the long form of its name. Kept over passes and snapshots of one kernel.
final class Constants {
  private var values: [ObjectKey: Any] = [:]
  /// What was shown to last, by the object that it belongs to.
  private(set) var lasting: [ObjectKey: LastingObject] = [:]
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
    // Never during a snapshot, whose plan and closing must know the same.
    guard lasting.count > Self.most / 2 else { return }
    lasting = lasting.filter { $0.value.lastUse >= snapshots - 1 }
  }

  fileprivate func known(_ part: ObjectKey, of owner: ObjectKey) -> [ArraySlice<UInt8>]? {
    guard let object = lasting[owner] else { return nil }
    object.lastUse = snapshots
    return object.parts[part]
  }

  /// - Returns: false where so much is known that no other object is taken in.
  fileprivate func note(
    _ bytes: [ArraySlice<UInt8>], _ part: ObjectKey, of owner: ObjectKey
  ) -> Bool {
    if let object = lasting[owner] {
      object.parts[part] = bytes
    } else {
      guard lasting.count < Self.most else { return false }
      lasting[owner] = LastingObject([part: bytes], snapshots)
    }
    return true
  }

  /// Takes over what an earlier session was shown.
  func recall(_ objects: [ObjectKey: [ObjectKey: [[UInt8]]]]) {
    lasting = objects.mapValues { LastingObject($0.mapValues { $0.map { $0[...] } }, 0) }
  }

  /// What another session may begin with. Of many objects, those that this one has used: others may be gone.
  var toRemember: [ObjectKey: [ObjectKey: [[UInt8]]]] {
    let isMany = lasting.count > Self.mostUnused
    return lasting.filter { !isMany || $0.value.lastUse > 0 }.mapValues { object in
      object.parts.mapValues { $0.map(Array.init) }
    }
  }

  private static let mostUnused = 1 << 12
}

/// What snapshots have shown of an object that stays as it is while the object lives: the bytes of its
/// structures, each by its declaration and address.
final class LastingObject {
  fileprivate(set) var parts: [ObjectKey: [ArraySlice<UInt8>]]
  /// The snapshot that used it last; 0 for an earlier session.
  fileprivate(set) var lastUse: Int

  fileprivate init(_ parts: [ObjectKey: [ArraySlice<UInt8>]], _ snapshot: Int) {
    (self.parts, lastUse) = (parts, snapshot)
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

  /// Bytes that never change while an object lives, but that can be read too early, as those of an object
  /// that is still being made. Like what a constant is made of they are read once, in discovery, and are not
  /// part of what a closing stop reads: the caller has the object's key from the kernel's table, in discovery
  /// before it reads them and in the closing stop again, so that the object lived in between.
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
    if !isSnapshot, let bytes = try outOfPlan(read), constants.note(bytes, part, of: owner) {
      return bytes
    }
    // Like anything else: the closing stop is to show it, or what is wrong with it.
    let bytes = try read()
    if isSnapshot, let bytes { _ = constants.note(bytes, part, of: owner) }
    return bytes
  }

  /// Nil for what is unreadable.
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

  /// True for an object of which something that lasts is known, which a closing stop does not read.
  public func knows(_ owner: ObjectKey) -> Bool { constants.lasting[owner] != nil }
}
