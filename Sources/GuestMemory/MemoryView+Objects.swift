/// Names one object of a walk: a program, a map. The address tells a reused id from the old one.
public struct ObjectKey: Hashable, Sendable, CustomStringConvertible {
  public var kind: String
  public var id: UInt64
  public var address: KernelVirtualAddress

  public init(_ kind: String, id: UInt64, at address: KernelVirtualAddress) {
    self.kind = kind
    self.id = id
    self.address = address
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
  enum Outcome {
    case value(Any)
    case unreadable(Unreadable)
  }

  /// The objects to read in this pass; nil for all. Others are answered from `settled`, or left.
  var wanted: Set<ObjectKey>?
  /// What earlier parts of a split snapshot gave, and, if `collects`, what this pass gives.
  var settled: [ObjectKey: Outcome] = [:]
  var collects = false

  /// The number of the scope that is open, 0 outside.
  var current = 0
  private var count = 0
  /// The stretch of the view's `uses` that belongs to each object.
  var plan: [(key: ObjectKey, uses: Range<Int>)] = []
  var unreadable: [UnreadableObject] = []
  /// Objects that missed; the pass is not complete for them.
  var missed: [ObjectKey] = []

  /// Objects that the pass has, of its own or of earlier parts.
  var read = 0

  mutating func open() {
    count += 1
    current = count
  }
}

extension MemoryView {
  /// Reads one object of many. What goes wrong inside stays inside: an object that misses is
  /// nil in this pass, one that is unreadable is nil, counted and named.
  ///
  /// All that is read inside, translations included, comes from one instant, also when the whole
  /// answer is too large for one. Scopes do not nest.
  public func object<T>(
    _ key: ObjectKey, _ body: () throws(ReadFault) -> T
  ) throws(ReadFault) -> T? {
    if let settled = objects.settled[key] {
      switch settled {
      case .value(let value):
        objects.read += 1
        return value as? T
      case .unreadable(let cause):
        objects.unreadable.append(UnreadableObject(key: key, cause: cause))
        return nil
      }
    }
    if let wanted = objects.wanted, !wanted.contains(key) {
      // Belongs to another part, or came into being after the plan was made.
      if isSnapshot { objects.missed.append(key) }
      return nil
    }
    objects.open()
    let first = uses.count
    defer {
      objects.plan.append((key, first..<uses.count))
      objects.current = 0
    }
    do throws(ReadFault) {
      let value = try body()
      objects.read += 1
      if objects.collects { objects.settled[key] = .value(value) }
      return value
    } catch .miss {
      objects.missed.append(key)
      return nil
    } catch .unreadable(let cause) {
      if case .kernelChanged = cause.reason { throw .unreadable(cause) }
      if objects.collects { objects.settled[key] = .unreadable(cause) }
      objects.unreadable.append(UnreadableObject(key: key, cause: cause))
      return nil
    }
  }
}

extension MemoryView {
  /// Leaves out a part of a structure that the cache does not have yet: the pass goes on with the
  /// other parts, and is not complete.
  public func postpone(_ key: ObjectKey) { objects.missed.append(key) }

  /// Leaves out a part of a structure that is unreadable, counted and named with the answer.
  public func skip(_ key: ObjectKey, _ cause: Unreadable) {
    objects.unreadable.append(UnreadableObject(key: key, cause: cause))
  }
}
