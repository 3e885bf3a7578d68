import GuestScopeBytes

/// What an engine has learnt of a guest, in a form that outlasts it.
public struct RememberedMemory: Sendable {
  /// Guest memory, of several instants.
  public var stretches: [(start: PhysicalAddress, bytes: [UInt8])]
  /// What is known of objects and stays as it is while they live: see `MemoryView.lasting`.
  public var objects: [ObjectKey: [ObjectKey: [[UInt8]]]]

  public init(
    _ stretches: [(start: PhysicalAddress, bytes: [UInt8])] = [],
    objects: [ObjectKey: [ObjectKey: [[UInt8]]]] = [:]
  ) {
    (self.stretches, self.objects) = (stretches, objects)
  }

  public var ranges: [PhysicalRange] {
    stretches.map { PhysicalRange($0.start, count: $0.bytes.count) }
  }
}

extension RememberedMemory {
  public func write(to record: inout RecordWriter) {
    record.add(stretches) { record, stretch in
      record.add(stretch.start.rawValue)
      record.add(stretch.bytes)
    }
    record.add(objects) { record, object in
      object.key.write(to: &record)
      record.add(object.value) { record, part in
        part.key.write(to: &record)
        record.add(part.value) { $0.add($1) }
      }
    }
  }

  public init(from record: inout RecordReader) throws(RecordReader.End) {
    stretches = try record.list { record throws(RecordReader.End) in
      (PhysicalAddress(try record.word()), try record.data())
    }
    let known = try record.list { record throws(RecordReader.End) in
      let owner = try ObjectKey(from: &record)
      let parts = try record.list { record throws(RecordReader.End) in
        let part = try ObjectKey(from: &record)
        return (part, try record.list { record throws(RecordReader.End) in try record.data() })
      }
      return (owner, Dictionary(parts, uniquingKeysWith: { first, _ in first }))
    }
    objects = Dictionary(known, uniquingKeysWith: { first, _ in first })
  }
}

extension ObjectKey {
  fileprivate func write(to record: inout RecordWriter) {
    record.add(kind)
    record.add(id)
    record.add(address.rawValue)
  }

  fileprivate init(from record: inout RecordReader) throws(RecordReader.End) {
    self.init(
      try record.text(), id: try record.word(), at: KernelVirtualAddress(try record.word()))
  }
}

extension SnapshotEngine {
  /// The memory that the answers so far were made of, as it was seen last, and what they have shown of
  /// objects that lasts.
  public var remembered: RememberedMemory {
    RememberedMemory(
      memory.ram.coalesce(plans + constants.uses, gap: 0).filter(guide.knows).map {
        ($0.start, guide.bytes(of: $0))
      }, objects: constants.toRemember)
  }

  /// Notes what an answer is made of. A session may last for days, on a guest where objects come and
  /// go: then the last plans are remembered.
  func note(plan: [PhysicalRange]) {
    plans += memory.ram.coalesce(plan, gap: 0)
    guard plans.count > Self.mostRanges else { return }
    plans = memory.ram.coalesce(plans, gap: 0)
    if plans.count > Self.mostRanges / 2 { plans = memory.ram.coalesce(plan, gap: 0) }
  }

  private static let mostRanges = 1 << 14

  /// Begins with what an earlier engine remembered of the same guest. Its memory is a guide to what to
  /// read first, and never part of an answer; that its objects are those of this boot is for the walkers
  /// to show.
  public func recall(_ remembered: RememberedMemory) {
    forget()
    constants.areInPlan = true
    constants.recall(remembered.objects)
    for (start, bytes) in remembered.stretches { guide.store(bytes, around: start) }
    plans = remembered.ranges
  }
}

extension PageCache {
  /// Puts bytes into a guide, which knows whole words only: what lies in the same words becomes 0, as
  /// long as nothing else says what it is.
  fileprivate func store(_ bytes: [UInt8], around start: PhysicalAddress) {
    let before = Int(start.rawValue & 7)
    let after = (8 - (before + bytes.count) & 7) & 7
    let zeros = [UInt8](repeating: 0, count: 8)
    let words = zeros.prefix(before) + bytes + zeros.prefix(after)
    store(Array(words), at: PhysicalAddress(start.rawValue - UInt64(before)))
  }
}
