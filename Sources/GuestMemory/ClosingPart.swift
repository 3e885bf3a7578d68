/// What one closing stop reads.
struct ClosingPart {
  var ranges: [PhysicalRange]
  /// The objects that are read in it; nil for all.
  var objects: Set<ObjectKey>?

  /// The plan of a pass in as few parts as the limits of one stop allow. Each stands for itself: it
  /// has all that was read outside of objects, and the objects around its own.
  ///
  /// - Parameter settled: objects that earlier parts have given.
  static func parts(
    of view: MemoryView, without settled: [ObjectKey: ObjectScopes.Outcome],
    within limits: SampleLimits
  ) -> [ClosingPart] {
    let ram = view.ram
    if settled.isEmpty, let ranges = wholePlan(of: view, within: limits) {
      return [ClosingPart(ranges: ranges, objects: nil)]
    }
    let plan = view.objects.plan
    // What has parts of its own that are still to be read comes with them.
    var isUnit = plan.map { settled[$0.key] == nil }
    for scope in plan where settled[scope.key] == nil {
      if let parent = scope.parent { isUnit[parent] = false }
    }
    let skeleton = ram.coalesce(
      view.objects.skeleton(upTo: view.uses.count).flatMap { view.uses[$0] })

    func part(_ units: ArraySlice<Int>) -> ClosingPart {
      var ranges = skeleton
      var objects: Set<ObjectKey> = []
      for unit in units {
        var next: Int? = unit
        while let index = next, objects.insert(plan[index].key).inserted {
          for stretch in plan[index].uses { ranges += view.uses[stretch] }
          next = plan[index].parent
        }
      }
      return ClosingPart(ranges: ranges, objects: objects)
    }
    let constant = limits.load(skeleton)
    func admits(_ part: ClosingPart) -> Bool {
      limits.admit(limits.load(ram.coalesce(part.ranges)), constant: constant)
    }
    var parts: [ClosingPart] = []
    var rest = plan.indices.filter { isUnit[$0] }[...]
    var count = rest.count
    while !rest.isEmpty {
      // Objects are much alike: start from the size that fitted last. Twice, for one of them may
      // have been larger than the others.
      count = min(count, rest.count)
      while count > 1, !admits(part(rest.prefix(count))) {
        count = max(1, count * 3 / 4)
      }
      parts.append(part(rest.prefix(count)))
      rest = rest.dropFirst(count)
      count *= 2
    }
    return parts.isEmpty ? [part([])] : parts
  }

  /// All that a pass used, where one stop may read it; else nil. What is a few reads too many is read with
  /// more of what lies between, for a second stop costs more than some kilobytes.
  private static func wholePlan(
    of view: MemoryView, within limits: SampleLimits
  ) -> [PhysicalRange]? {
    for gap: UInt64 in [512, 2048] {
      let ranges = view.ram.coalesce(view.uses, gap: gap)
      if limits.admit(limits.load(ranges)) { return ranges }
    }
    return nil
  }
}
