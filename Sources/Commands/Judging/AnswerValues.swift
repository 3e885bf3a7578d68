/// The values of an answer under names by which another answer of the same command has them too: the
/// order of programs, maps or tasks in a list is nothing that two answers share.
struct AnswerValues {
  /// One value: of which object, and what the path to it within is called, as `per_cpu[1].cnt`.
  struct Place: Hashable {
    /// Empty for a value of the answer itself.
    var object: String
    var path: String
  }

  private(set) var values: [Place: JSON] = [:]
  /// The objects, in the order of the answer.
  private(set) var objects: [String] = []
  /// Paths within an object, in the order of the answer.
  private(set) var paths: [String: [String]] = [:]
  private let identity: Identity
  /// Some object has the key that makes two the same.
  private(set) var hasIdentity = false
  /// Names of objects without what else tells them apart.
  private var bareNames: [String: String] = [:]

  /// What makes two objects the same.
  enum Identity: Hashable {
    /// Their name and type, or else whatever of an id, a key or a number they have.
    case name
    /// The value of this key.
    case key(String)
  }

  init(_ document: JSON, by identity: Identity = .name) {
    self.identity = identity
    switch document {
    case .array(let elements): add(elements, section: "")
    default: add(document, of: "", path: "")
    }
  }

  /// The value of an object of another answer, or of the only one here that has its name without a type:
  /// not all answers of a command have types.
  func value(of object: String, named name: String, at path: String) -> JSON? {
    if let value = values[Place(object: object, path: path)] { return value }
    let others = objects.filter { bareName(of: $0) == name }
    return others.count == 1 ? values[Place(object: others[0], path: path)] : nil
  }

  /// The name of an object as the guest has it, without its type; the whole for one without a name.
  func bareName(of object: String) -> String { bareNames[object] ?? object }

  private mutating func add(_ elements: [JSON], section: String) {
    guard elements.contains(where: \.isObject) else {
      return add(.array(elements), at: Place(object: section, path: ""))
    }
    for (name, element) in named(elements, in: section) {
      let object = section.isEmpty ? name : "\(section) \(name)"
      objects.append(object)
      bareNames[object] = element["name"]?.identityText ?? element["comm"]?.identityText
      add(element, of: object, path: "")
    }
  }

  private mutating func add(_ value: JSON, of object: String, path: String) {
    switch value {
    case .object(let members) where !members.isEmpty:
      for member in members {
        let key = path.isEmpty ? member.key : "\(path).\(member.key)"
        // The lists of a report are objects of their own.
        if object.isEmpty, case .array(let elements) = member.value,
          elements.contains(where: \.isObject)
        {
          add(elements, section: key)
        } else {
          add(member.value, of: object, path: key)
        }
      }
    case .array(let elements) where elements.contains(where: \.isObject):
      for (name, element) in named(elements, in: path) {
        add(element, of: object, path: "\(path)[\(name)]")
      }
    default: add(value, at: Place(object: object, path: path))
    }
  }

  private mutating func add(_ value: JSON, at place: Place) {
    if values.updateValue(value, forKey: place) == nil {
      paths[place.object, default: []].append(place.path)
    }
  }

  // MARK: Names

  /// Objects of equal names are told apart by their order, which is that of ascending ids.
  ///
  /// - Parameter list: the path to it; empty for an answer that is a list.
  private mutating func named(_ elements: [JSON], in list: String) -> [(String, JSON)] {
    if case .key(let key) = identity, elements.contains(where: { $0[key] != nil }) {
      hasIdentity = true
    }
    let order = elements.indices.sorted { a, b in
      let (first, second) = (elements[a]["id"]?.double ?? 0, elements[b]["id"]?.double ?? 0)
      return (first, a) < (second, b)
    }
    var counts: [String: Int] = [:]
    var names = [String](repeating: "", count: elements.count)
    for index in order {
      let name = name(of: elements[index], in: list) ?? "\(index)"
      counts[name, default: 0] += 1
      names[index] = counts[name]! == 1 ? name : "\(name) #\(counts[name]!)"
    }
    return Array(zip(names, elements))
  }

  private func name(of element: JSON, in list: String) -> String? {
    if case .key(let key) = identity, let value = element[key], value != "" {
      return value.identityText
    }
    // What runs on a CPU is not what it is.
    if list.split(separator: ".").last == "cpus", let cpu = element["cpu"] {
      return cpu.identityText
    }
    if let resource = element["resource"], let share = element["share"] {
      return "\(resource.identityText) \(share.identityText)"
    }
    if let name = element["name"] ?? element["comm"], name != "" {
      let type = element["type"].map { " (\($0.identityText))" } ?? ""
      return name.identityText + type
    }
    for key in ["id", "key", "pid", "cpu", "seq", "address"] {
      if let value = element[key] { return "\(key) \(value.identityText)" }
    }
    return nil
  }
}

extension JSON {
  var isObject: Bool { if case .object = self { true } else { false } }

  /// The bytes of a key without their 0x, texts without quotes.
  fileprivate var identityText: String {
    switch self {
    case .string(let text): text
    case .array(let elements): elements.map(\.identityText).joined(separator: " ")
    default: text(pretty: false)
    }
  }
}
