/// Reads that need nothing from each other, so that one pass notes all that they miss: a wave then
/// brings all of it.
///
///     let (btf, maps) = try view.together(btfID(of: aux), mapIDs(of: aux))
extension MemoryView {
  public func together<A, B>(
    _ a: @autoclosure () throws(ReadFault) -> A, _ b: @autoclosure () throws(ReadFault) -> B
  ) throws(ReadFault) -> (A, B) {
    // All first: to match a tuple ends with the first that does not fit.
    let (a, b) = (try attempt(a), try attempt(b))
    guard let a, let b else { throw .miss }
    return (a, b)
  }

  public func together<A, B, C>(
    _ a: @autoclosure () throws(ReadFault) -> A, _ b: @autoclosure () throws(ReadFault) -> B,
    _ c: @autoclosure () throws(ReadFault) -> C
  ) throws(ReadFault) -> (A, B, C) {
    let (a, b, c) = (try attempt(a), try attempt(b), try attempt(c))
    guard let a, let b, let c else { throw .miss }
    return (a, b, c)
  }

  public func together<A, B, C, D>(
    _ a: @autoclosure () throws(ReadFault) -> A, _ b: @autoclosure () throws(ReadFault) -> B,
    _ c: @autoclosure () throws(ReadFault) -> C, _ d: @autoclosure () throws(ReadFault) -> D
  ) throws(ReadFault) -> (A, B, C, D) {
    let (a, b, c, d) = (try attempt(a), try attempt(b), try attempt(c), try attempt(d))
    guard let a, let b, let c, let d else { throw .miss }
    return (a, b, c, d)
  }

  /// The same of each element of a sequence.
  public func each<Element, T>(
    _ elements: some Sequence<Element>, _ read: (Element) throws(ReadFault) -> T
  ) throws(ReadFault) -> [T] {
    var values: [T] = []
    var misses = false
    for element in elements {
      do throws(ReadFault) { values.append(try read(element)) } catch .miss { misses = true }
    }
    if misses { throw .miss }
    return values
  }

  /// Nil for a read that misses: its range is on the list.
  private func attempt<T>(_ read: () throws(ReadFault) -> T) throws(ReadFault) -> T? {
    do throws(ReadFault) { return try read() } catch .miss { return nil }
  }
}
