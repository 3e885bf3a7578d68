/// Names one object of a walk: a program, a map. The address distinguishes a reused id from the old one.
public struct ObjectKey: Hashable, Sendable, CustomStringConvertible {
  public var kind: String
  public var id: UInt64
  public var address: KernelVirtualAddress
  /// A part of an answer is not an object of the guest; see `MemoryView.part`.
  private(set) var isPart = false

  public init(_ kind: String, id: UInt64, at address: KernelVirtualAddress) {
    self.kind = kind
    self.id = id
    self.address = address
  }

  static func part(_ name: String) -> ObjectKey {
    var key = ObjectKey(name, id: 0, at: KernelVirtualAddress(0))
    key.isPart = true
    return key
  }

  public var description: String { "\(kind) \(id)" }
}

/// An object that could not be read; the others of the answer are not touched by it.
public struct UnreadableObject: Error, Hashable, Sendable, CustomStringConvertible {
  public var key: ObjectKey
  public var cause: Unreadable

  public var description: String { "\(key): \(cause)" }
}

/// What a pass did object by object, and which objects it is to read.
struct ObjectScopes {
  /// What reading an object came to, with all that nests in it.
  struct Outcome {
    /// Nil for an object that is unreadable as a whole.
    var value: Any?
    var unreadable: [UnreadableObject]
    var read: Int
  }

  /// An object that was opened, and what it used itself: not what nests in it.
  struct Scope {
    var key: ObjectKey
    /// The index in `plan` of the one around it.
    var parent: Int?
    /// Stretches of the view's `uses`.
    var uses: [Range<Int>] = []
  }

  /// The objects to read in this pass; nil for all. Others are answered from `settled`, or left.
  var wanted: Set<ObjectKey>?
  /// What earlier parts of a split snapshot gave, and, if `collects`, what this pass gives.
  var settled: [ObjectKey: Outcome] = [:]
  var collects = false

  /// In the order in which they were opened.
  private(set) var plan: [Scope] = []
  /// What was used outside of all objects, up to the last one.
  private var skeleton: [Range<Int>] = []
  /// The innermost object that is open, as an index in `plan`.
  private(set) var current: Int?
  private var stretchStart = 0

  var unreadable: [UnreadableObject] = []
  /// Objects that missed; the pass is not complete for them.
  var missed: [ObjectKey] = []
  /// Objects that the pass has, of its own or of earlier parts.
  var read = 0

  mutating func open(_ key: ObjectKey, at use: Int) {
    plan.append(Scope(key: key, parent: current))
    turn(to: plan.count - 1, at: use)
  }

  mutating func close(at use: Int) { turn(to: current.flatMap { plan[$0].parent }, at: use) }

  /// What a pass with `end` uses has used outside of all objects, after the last one as well.
  func skeleton(upTo end: Int) -> [Range<Int>] {
    current == nil && stretchStart < end ? skeleton + [stretchStart..<end] : skeleton
  }

  /// From this use on, uses belong to another object.
  private mutating func turn(to object: Int?, at use: Int) {
    if stretchStart < use {
      if let current {
        plan[current].uses.append(stretchStart..<use)
      } else {
        skeleton.append(stretchStart..<use)
      }
    }
    (stretchStart, current) = (use, object)
  }
}

extension MemoryView {
  /// True when an object missed in this pass: what looks absent may only be unread.
  public var hasMisses: Bool { !objects.missed.isEmpty }

  /// The objects that this pass could not read so far.
  public var unreadableObjects: [UnreadableObject] { objects.unreadable }

  /// Reads one object of many. What goes wrong inside stays inside: an object that misses is
  /// nil in this pass, one that is unreadable is nil, counted and named.
  ///
  /// All that is read inside, translations included, comes from one instant, also when the whole
  /// answer is too large for one. Objects nest: a node of a tree around the objects that hang on
  /// it. Such a node is read again in the stop of each of them, and in no other. A key stands for
  /// one object in one place of a walk.
  public func object<T>(
    _ key: ObjectKey, _ body: () throws(ReadFault) -> T
  ) throws(ReadFault) -> T? {
    // What a constant is made of is in no plan.
    if isReadingConstant {
      do throws(ReadFault) { return try body() } catch {
        switch error {
        case .miss, .unreadable: return nil
        default: throw error
        }
      }
    }
    if let settled = objects.settled[key] {
      objects.unreadable += settled.unreadable
      objects.read += settled.read
      return settled.value as? T
    }
    if let wanted = objects.wanted, !wanted.contains(key) {
      // Belongs to another part, or came into being after the plan was made.
      if isSnapshot { objects.missed.append(key) }
      return nil
    }
    let before = (unreadable: objects.unreadable.count, missed: objects.missed.count)
    let read = objects.read
    var value: T?
    objects.open(key, at: uses.count)
    do throws(ReadFault) {
      defer { objects.close(at: uses.count) }
      value = try body()
      objects.read += 1
    } catch .miss {
      objects.missed.append(key)
      return nil
    } catch .unreadable(let cause) {
      objects.unreadable.append(UnreadableObject(key: key, cause: cause))
    }
    // With something missing inside, it is to be read again.
    if objects.collects, objects.missed.count == before.missed {
      objects.settled[key] = ObjectScopes.Outcome(
        value: value, unreadable: Array(objects.unreadable[before.unreadable...]),
        read: objects.read - read)
    }
    return value
  }

  /// Reads one of a few parts that an answer is made of, all of it from one instant. Where the part is
  /// unreadable, or changes faster than it can be read, the answer lacks that part alone: its outcome says
  /// why, and the snapshot does not count it among its unreadable objects.
  ///
  /// - Parameter name: another one for each part of the answer.
  public func part<T>(
    _ name: String, _ body: () throws(ReadFault) -> T
  ) throws(ReadFault) -> Result<T, Unreadable> {
    let part = try object(.part(name)) { () throws(ReadFault) -> Result<T, Unreadable> in
      do throws(ReadFault) { return .success(try body()) } catch .unreadable(let cause) {
        return .failure(cause)
      }
    }
    return part ?? .failure(Unreadable(lack, at: 0))
  }
}
