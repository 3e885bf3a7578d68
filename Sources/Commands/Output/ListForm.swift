/// The form in which a user wants a list: the options of a command, with the fields that they name.
struct ListForm<Object> {
  private let fields: [Field<Object>]
  private let shown: [Field<Object>]
  private let sort: (field: Field<Object>, isDescending: Bool)?
  private let limit: Int?

  /// - Parameters:
  ///   - fields: those that may be named.
  ///   - usual: those that are shown where none is named; nil for all.
  ///   - columns: names of fields, with commas between; nil for all that have a column.
  /// - Throws: `UsageError` for a name that no field has: before the guest is asked.
  init(
    _ options: OrderOptions, _ fields: [Field<Object>], usual: [Field<Object>]? = nil,
    columns: String? = nil
  ) throws(UsageError) {
    self.fields = usual ?? fields
    limit = options.limit
    if let sort = options.sort {
      let isDescending = sort.hasPrefix("-")
      self.sort = (try fields.named(sort.dropFirst(isDescending ? 1 : 0)), isDescending)
    } else {
      sort = nil
    }
    if let columns {
      var shown: [Field<Object>] = []
      for name in columns.split(separator: ",", omittingEmptySubsequences: false) {
        shown.append(try fields.named(name).withColumn)
      }
      self.shown = shown
    } else {
      shown = self.fields
    }
  }

  /// The objects that are shown, in their order. Those without a value stand last, whichever way the
  /// others stand; equal ones stay as they were.
  func arranged(_ objects: [Object]) -> [Object] {
    guard let (field, isDescending) = sort else { return Array(objects.prefix(limit ?? .max)) }
    let rows = objects.enumerated().map { ($0.offset, field.order(of: $0.element), $0.element) }
    let sorted = rows.sorted { a, b in
      if a.1.isNothing || b.1.isNothing {
        return a.1.isNothing == b.1.isNothing ? a.0 < b.0 : b.1.isNothing
      }
      let (first, second) = isDescending ? (b.1, a.1) : (a.1, b.1)
      if first.precedes(second) { return true }
      return !second.precedes(first) && a.0 < b.0
    }
    return sorted.prefix(limit ?? .max).map(\.2)
  }

  /// The columns that are shown, of objects that are arranged.
  func table(_ objects: [Object]) -> Table { Table(objects, shown) }

  /// - Parameter json: an object in JSON; all fields that have a key, unless the command adds more.
  func answer(
    _ objects: [Object], json: ((Object) -> JSON)? = nil, missing: [String] = [],
    remarks: [String] = []
  ) -> Answer {
    let arranged = arranged(objects)
    return Answer(
      .array(arranged.map { json?($0) ?? JSON($0, fields) }), .table(table(arranged)),
      missing: missing, remarks: remarks)
  }
}

extension Field {
  /// What a user may call it: the key, or the heading in small letters.
  fileprivate func isNamed(_ name: String) -> Bool { key == name || headingName == name }

  /// `attached_to` of `ATTACHED TO`.
  private var headingName: String? {
    column.map { String($0.heading.lowercased().map { $0 == " " ? "_" : $0 }) }
  }

  fileprivate var name: String? { key ?? headingName }

  /// One that only JSON has, as a column.
  fileprivate var withColumn: Field {
    guard column == nil, let key else { return self }
    var field = self
    field.column = .text(key.uppercased())
    return field
  }

  /// What an object is sorted by.
  fileprivate func order(of object: Object) -> JSON {
    let value = value(object) ?? .null
    // Some numbers have their digits on the screen only.
    if case .string(let text) = value, column?.isNumber == true, let number = Double(text) {
      return .number(number)
    }
    return value
  }
}

extension Array {
  /// The names of fields, as messages and completion have them.
  func names<Object>() -> [String] where Element == Field<Object> {
    var seen: Set<String> = []
    return compactMap(\.name).filter { seen.insert($0).inserted }
  }

  /// The field of a name; where a key and a heading are the same word, the key's.
  fileprivate func named<Object>(_ text: some StringProtocol) throws(UsageError) -> Field<Object>
  where Element == Field<Object> {
    let name = text.lowercased()
    if let field = first(where: { $0.key == name }) ?? first(where: { $0.isNamed(name) }) {
      return field
    }
    let question = nearest(to: name, among: names()).map { ", did you mean \($0)?" } ?? ":"
    throw UsageError(
      "there is no column '\(text)'\(question) there are \(names().joined(separator: ", "))")
  }
}

extension JSON {
  fileprivate var isNothing: Bool { cell.isEmpty }

  /// Whether it stands before another value in ascending order: numbers by their size, before all
  /// that are not; these by their text.
  fileprivate func precedes(_ other: JSON) -> Bool {
    if let whole, let other = other.whole { return whole < other }
    if let double, let other = other.double { return double < other }
    if (double == nil) != (other.double == nil) { return double != nil }
    return cell < other.cell
  }
}
