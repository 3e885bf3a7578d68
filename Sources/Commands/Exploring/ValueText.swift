import GuestScopeBytes
import GuestScopeLinuxKernel

/// Shows values of kernel objects: as JSON, and on a screen in C's braces.
struct ValueText {
  /// The symbol of an address, if it has one: `init_task+0x40`.
  let symbol: (UInt64) -> String?

  func json(_ value: KernelValue) -> JSON {
    switch value {
    case .unsigned(let number): .unsigned(number)
    case .signed(let number): .signed(number)
    case .bool(let flag): .bool(flag)
    case .enumerator(let name, let value): name.map { .string($0) } ?? JSON(value)
    case .pointer(let pointer): .string(pointer.address.rawValue.hex)
    case .text(let text): .string(text)
    case .bytes(let bytes): .string(bytes.hex)
    case .fields(let fields): .object(fields.map { .init(key: $0.name, value: json($0.value)) })
    case .elements(let elements): .array(elements.map(json))
    case .absent, .opaque, .damaged: .null
    }
  }

  /// Elements of an array that a screen shows.
  private static let shownElements = 64

  /// A member a line.
  func lines(_ value: KernelValue, name: String = "", indent: Int = 0) -> [String] {
    let margin = String(repeating: "  ", count: indent)
    let head = margin + (name.isEmpty ? "" : "\(name) = ")
    switch value {
    case .fields(let fields):
      guard !fields.isEmpty else { return [head + "{}"] }
      return [head + "{"]
        + fields.flatMap { lines($0.value, name: $0.name, indent: indent + 1) } + [margin + "}"]
    case .elements(let elements):
      if let row = row(elements) { return [head + row] }
      let shown = elements.prefix(Self.shownElements).enumerated().flatMap { index, element in
        lines(element, name: "[\(index)]", indent: indent + 1)
      }
      let more = elements.count - Self.shownElements
      return [head + "{"] + shown + (more > 0 ? [margin + "  … \(more) more"] : [])
        + [margin + "}"]
    default: return [head + (scalar(value) ?? "")]
    }
  }

  /// All on one line, for a cell of a table.
  func line(_ value: KernelValue) -> String {
    switch value {
    case .fields(let fields):
      "{" + fields.map { "\($0.name) = \(line($0.value))" }.joined(separator: ", ") + "}"
    case .elements(let elements):
      row(elements)
        ?? "{" + elements.prefix(Self.shownElements).map(line).joined(separator: ", ")
        + (elements.count > Self.shownElements ? ", …}" : "}")
    default: scalar(value) ?? ""
    }
  }

  /// Scalars on one line, equal neighbours as one; nil for an array of anything else.
  private func row(_ elements: [KernelValue]) -> String? {
    var runs: [(text: String, count: Int)] = []
    for element in elements {
      guard let text = scalar(element) else { return nil }
      if runs.last?.text == text { runs[runs.count - 1].count += 1 } else { runs.append((text, 1)) }
    }
    var shown = runs.prefix(Self.shownElements).map {
      $0.count == 1 ? $0.text : "\($0.text) × \($0.count)"
    }
    if runs.count > Self.shownElements { shown.append("…") }
    return "{" + shown.joined(separator: ", ") + "}"
  }

  /// Nil for what has parts.
  private func scalar(_ value: KernelValue) -> String? {
    switch value {
    case .unsigned(let number):
      number.isAddressLike ? named(number) : "\(number)"
    case .signed(let number): "\(number)"
    case .bool(let flag): "\(flag)"
    case .enumerator(let name, let value): name.map { "\($0) (\(value))" } ?? "\(value)"
    case .pointer(let pointer):
      pointer.text.map { "\(pointer.address) \(quoted($0))" } ?? named(pointer.address.rawValue)
    case .text(let text): quoted(text)
    case .bytes(let bytes): bytes.hex
    case .absent: "-"
    case .opaque(let what): "(\(what))"
    case .damaged(let why): "? (\(why))"
    case .fields, .elements: nil
    }
  }

  private func named(_ address: UInt64) -> String {
    address.hex + (symbol(address).map { " <\($0)>" } ?? "")
  }

  private func quoted(_ text: String) -> String { JSON.string(text).text(pretty: false) }
}
