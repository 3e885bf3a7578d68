/// One member of the objects of a list: its key in JSON, its column on the screen.
struct Field<Object>: Sendable {
  /// Nil for what only a screen shows.
  var key: String?
  /// Nil for what only JSON shows.
  var column: Table.Column?
  /// Nil where an object has no such member: its key is left out. What this kernel does not keep is
  /// `.null`: the key is there.
  var value: @Sendable (Object) -> JSON?
  /// How a screen shows a value, where that is not as JSON has it.
  private(set) var text: (@Sendable (JSON) -> String)?

  init(_ key: String, _ column: Table.Column? = nil, _ value: @escaping @Sendable (Object) -> JSON?)
  {
    (self.key, self.column, self.value) = (key, column, value)
  }

  /// The same field, with other texts on the screen; `--sort` takes the value.
  func shown(as text: @escaping @Sendable (JSON) -> String) -> Self {
    var field = self
    field.text = text
    return field
  }

  /// The text of a table's cell.
  func cell(of object: Object) -> String {
    guard let value = value(object), value != .null else { return "" }
    return text?(value) ?? value.cell
  }

  /// A column that only a screen has, made of other members.
  static func onScreen(_ column: Table.Column, _ text: @escaping @Sendable (Object) -> String?)
    -> Self
  {
    var field = Self("", column) { JSON(text($0)) }
    field.key = nil
    return field
  }
}

extension JSON {
  /// An object with the keys of the fields in their order.
  init<Object>(_ object: Object, _ fields: [Field<Object>]) {
    self = .object(
      fields.compactMap { field in
        guard let key = field.key, let value = field.value(object) else { return nil }
        return Member(key: key, value: value)
      })
  }
}

extension [JSON] {
  init<Object>(_ objects: [Object], _ fields: [Field<Object>]) {
    self = objects.map { JSON($0, fields) }
  }
}

extension Table {
  init<Object>(_ objects: [Object], _ fields: [Field<Object>]) {
    let shown = fields.filter { $0.column != nil }
    self.init(
      shown.compactMap(\.column),
      rows: objects.map { object in shown.map { $0.cell(of: object) } })
  }
}

extension JSON {
  /// The text of a value in a table; none for nothing.
  var cell: String {
    switch self {
    case .null: ""
    case .bool(let flag): flag ? "yes" : "no"
    case .string(let text): text
    case .array(let elements): elements.map(\.cell).joined(separator: ",")
    case .unsigned, .signed, .number, .object: text(pretty: false)
    }
  }
}
