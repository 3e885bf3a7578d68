/// The value of an option of QEMU, `first,key=value,key=value`; a comma within a value stands there
/// twice (util/qemu-option.c).
struct QEMUOptions {
  /// What stands before the first comma, be it a value alone or the first key with its value.
  private(set) var first = ""
  private var values: [String: String] = [:]

  init(_ text: String) {
    var parts = [""]
    var rest = text[...]
    while let character = rest.popFirst() {
      if character != "," {
        parts[parts.count - 1].append(character)
      } else if rest.first == "," {
        parts[parts.count - 1].append(",")
        rest.removeFirst()
      } else {
        parts.append("")
      }
    }
    first = parts[0]
    for part in parts {
      guard let equals = part.firstIndex(of: "=") else { continue }
      values[String(part[..<equals])] = String(part[part.index(after: equals)...])
    }
  }

  subscript(key: String) -> String? { values[key] }
}

/// What a gdbserver or a monitor of QEMU listens on, as far as others can connect to it.
enum CharacterDevice: Equatable {
  case socket(StubTarget)
  /// A TCP port that the kernel picked.
  case anyPort
}

/// The devices of `-chardev`, which other options name by their ids.
struct CharacterDevices {
  private var named: [String: CharacterDevice] = [:]

  mutating func add(_ text: String) {
    let options = QEMUOptions(text)
    guard options.first == "socket", let id = options["id"] else { return }
    if let path = options["path"] {
      named[id] = .socket(.unix(path: path))
    } else if let port = options["port"] {
      named[id] = Self.tcp(host: options["host"] ?? "", port: port)
    }
  }

  /// Of `tcp:HOST:PORT`, `unix:PATH` or `chardev:ID`, each with options after it.
  func device(of text: String) -> CharacterDevice? {
    let device = QEMUOptions(text).first
    guard let colon = device.firstIndex(of: ":") else { return nil }
    let rest = String(device[device.index(after: colon)...])
    switch device[..<colon] {
    case "chardev": return named[rest]
    case "unix": return .socket(.unix(path: rest))
    case "tcp":
      guard let last = rest.lastIndex(of: ":") else { return nil }
      return Self.tcp(host: String(rest[..<last]), port: String(rest[rest.index(after: last)...]))
    default: return nil
    }
  }

  private static func tcp(host: String, port: String) -> CharacterDevice? {
    if port == "0" { return .anyPort }
    let isOfAll = ["0.0.0.0", "::", "[::]", "localhost", "127.0.0.1"].contains(host)
    return StubTarget((isOfAll ? "" : host) + ":" + port).map { .socket($0) }
  }
}
