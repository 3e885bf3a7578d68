/// Two answers of one command, value by value.
struct Comparison {
  /// A value that both have.
  struct Row {
    var place: AnswerValues.Place
    var old: JSON
    var new: JSON

    /// A number is the same in any form of it: 3, 3.0.
    var isChanged: Bool { old != new && delta.map { $0.double != 0 } ?? true }
    /// Nil where one of them is not a number.
    var delta: JSON? { new - old }
    /// Nil where there is none: the old value is 0, or not a number.
    var percent: Double? {
      guard let old = old.double, let new = new.double, old != 0 else { return nil }
      return (new - old) / abs(old) * 100
    }
  }

  private(set) var rows: [Row] = []
  /// An object that only one of them has.
  struct Alone {
    var object: String
    /// It is gone; else it is new.
    var isOld: Bool
  }

  let alone: [Alone]
  /// As of answers to different questions.
  let hasNothingInCommon: Bool

  /// The new answer's order is kept.
  init(_ old: AnswerValues, _ new: AnswerValues) {
    let (before, after) = (Set(old.objects), Set(new.objects))
    alone =
      old.objects.filter { !after.contains($0) }.map { Alone(object: $0, isOld: true) }
      + new.objects.filter { !before.contains($0) }.map { Alone(object: $0, isOld: false) }
    hasNothingInCommon = !before.isEmpty && !after.isEmpty && before.isDisjoint(with: after)
    for object in [""] + new.objects {
      let paths = new.paths[object] ?? []
      let gone = (old.paths[object] ?? []).filter {
        new.values[.init(object: object, path: $0)] == nil
      }
      for path in paths + gone where object.isEmpty || before.contains(object) {
        let place = AnswerValues.Place(object: object, path: path)
        rows.append(
          Row(place: place, old: old.values[place] ?? .null, new: new.values[place] ?? .null))
      }
    }
  }

  var isChanged: Bool { !alone.isEmpty || rows.contains(where: \.isChanged) }
}
