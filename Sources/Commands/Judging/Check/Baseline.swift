/// An earlier answer that the guest's is compared with.
struct Baseline {
  let path: String
  /// Nil where the file does not show it.
  let question: Question?
  let values: AnswerValues

  init(path: String) throws {
    let saved = try SavedAnswer(path: path)
    (self.path, question) = (path, saved.question)
    values = AnswerValues(saved.document.withMeasures)
  }

  /// A limit on each of its numbers: of programs those that say whether they have become worse.
  ///
  /// - Throws: when it does not show which command it is an answer to.
  func limits(_ bounds: Limit.Bounds) throws -> [Limit] {
    guard let question else {
      throw CommandError(
        "\(path) does not show which command it is an answer to: name its numbers in a --budget")
    }
    let measures = JSON.measuresOfPrograms
    let isOfPrograms =
      values.paths.values.contains { $0.contains("verified_insns") }
      || values.paths.values.contains { $0.contains("ns_per_call") }
    return ([""] + values.objects).flatMap { object in
      (values.paths[object] ?? []).filter { path in
        let isNumber = values.values[.init(object: object, path: path)]?.double != nil
        return isNumber && (!isOfPrograms || measures.contains(path))
      }.map { Limit(question: question, objects: .one(object), key: $0, bounds: bounds) }
    }
  }
}
