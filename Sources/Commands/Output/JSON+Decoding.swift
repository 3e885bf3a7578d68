import FoundationEssentials

extension JSON {
  /// Reads a document. The members of its objects come in the order of their keys: the reader does not
  /// keep that of the text.
  ///
  /// - Throws: a sentence when it is not JSON.
  init(decoding bytes: [UInt8]) throws {
    do {
      self = try JSONDecoder().decode(JSON.self, from: Data(bytes))
    } catch {
      throw CommandError("is not JSON")
    }
  }

  /// True for a document that a process of this program has printed to its end. Of an array or an object
  /// the reader checks the structure alone, so that no values are made of a long answer.
  static func isDocument(_ text: String) -> Bool {
    struct Unread: Decodable { init(from decoder: any Decoder) {} }
    guard text.hasPrefix("[") || text.hasPrefix("{") else {
      return (try? JSON(decoding: Array(text.utf8))) != nil
    }
    return (try? JSONDecoder().decode(Unread.self, from: Data(text.utf8))) != nil
  }
}

extension JSON: Decodable {
  /// Any member.
  private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    if let object = try? decoder.container(keyedBy: AnyKey.self) {
      let keys = object.allKeys.sorted { $0.stringValue < $1.stringValue }
      self = .object(
        try keys.map {
          Member(key: $0.stringValue, value: try object.decode(JSON.self, forKey: $0))
        })
    } else if var array = try? decoder.unkeyedContainer() {
      var elements: [JSON] = []
      while !array.isAtEnd { elements.append(try array.decode(JSON.self)) }
      self = .array(elements)
    } else {
      self = try JSON(scalar: try decoder.singleValueContainer())
    }
  }

  private init(scalar: any SingleValueDecodingContainer) throws {
    // A number is the first of these that it fits into: no digit is lost.
    if scalar.decodeNil() {
      self = .null
    } else if let flag = try? scalar.decode(Bool.self) {
      self = .bool(flag)
    } else if let text = try? scalar.decode(String.self) {
      self = .string(text)
    } else if let number = try? scalar.decode(UInt64.self) {
      self = .unsigned(number)
    } else if let number = try? scalar.decode(Int64.self) {
      self = .signed(number)
    } else {
      self = .number(try scalar.decode(Double.self))
    }
  }
}
