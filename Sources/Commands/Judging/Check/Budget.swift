/// Limits that a file names: `{"prog_stats": {"GLOB": {"ns_per_call": {"max": 5000}}}}`.
struct Budget {
  private(set) var limits: [Limit] = []

  /// - Throws: a sentence with the path, and the place in it, when it is not a budget.
  init(path: String) throws {
    let bytes = try OpenFile(path: path).rest(path)
    let document: JSON
    do { document = try JSON(decoding: bytes) } catch { throw CommandError("\(path) \(error)") }
    do { try self.init(document) } catch let error as CommandError {
      throw CommandError("\(path): \(error)")
    }
  }

  init(_ document: JSON) throws {
    for section in try document.members(of: "a budget", "commands and their limits") {
      let question = try Question(name: section.key)
      let names = try section.value.members(of: section.key, "names and their limits")
      for name in names {
        let place = "\(section.key).\(name.key)"
        for key in try name.value.members(of: place, "keys and their limits") {
          limits.append(
            Limit(
              question: question, objects: .named(name.key), key: key.key,
              bounds: try Limit.Bounds(key.value, at: "\(place).\(key.key)")))
        }
      }
    }
    guard !limits.isEmpty else { throw CommandError("it has no limits") }
  }
}

extension Limit.Bounds {
  /// A number alone is what may be reached at most.
  fileprivate init(_ value: JSON, at place: String) throws {
    if let most = value.double {
      self.init(most: most)
      return
    }
    self.init()
    for member in try value.members(of: place, "max, min, tolerance and absolute") {
      guard let number = member.value.double else {
        throw CommandError("\(place).\(member.key) is not a number")
      }
      switch member.key {
      case "max": most = number
      case "min": least = number
      case "tolerance": tolerance = number
      case "absolute": absolute = number
      default:
        throw CommandError(
          "\(place) has a '\(member.key)': a limit has max, min, tolerance and absolute")
      }
    }
    guard self != Limit.Bounds() else { throw CommandError("\(place) has no limit in it") }
    guard tolerance ?? 0 >= 0, absolute ?? 0 >= 0 else {
      throw CommandError("\(place): tolerance and absolute must not be negative")
    }
  }
}

extension JSON {
  fileprivate func members(of place: String, _ contents: String) throws -> [Member] {
    guard case .object(let members) = self else {
      throw CommandError("\(place) is not an object with \(contents)")
    }
    return members
  }
}
