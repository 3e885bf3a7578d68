/// Finds the start tags in the XML of a target description, and no more.
///
/// It knows comments, declarations and quoted attributes. Broken text gives fewer elements, never
/// an error.
struct XMLScanner {
  struct Element {
    let name: String
    let attributes: [(name: String, value: String)]

    subscript(name: String) -> String? { attributes.first { $0.name == name }?.value }
  }

  private var rest: ArraySlice<UInt8>

  init(_ document: [UInt8]) { rest = document[...] }

  /// The next start tag, or nil at the end of the document.
  mutating func next() -> Element? {
    while let open = rest.firstIndex(of: UInt8(ascii: "<")) {
      rest = rest[(open + 1)...]
      if rest.starts(with: "!--".utf8) {
        // An unterminated comment takes the rest of the document, as it would for any reader.
        skip(past: "-->")
      } else if rest.first == UInt8(ascii: "!") || rest.first == UInt8(ascii: "?")
        || rest.first == UInt8(ascii: "/")
      {
        skip(past: ">")
      } else if let element = element() {
        return element
      }
    }
    return nil
  }

  /// The text from here to the next tag, without the blanks around it.
  func text() -> String {
    var text = rest.prefix { $0 != UInt8(ascii: "<") }.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func skip(past end: StaticString) {
    let end = end.withUTF8Buffer { Array($0) }
    while !rest.isEmpty {
      if rest.starts(with: end) {
        rest = rest.dropFirst(end.count)
        return
      }
      rest = rest.dropFirst()
    }
  }

  /// Reads a tag from after its `<` to its `>`; nil when there is no name or the document ends
  /// first.
  private mutating func element() -> Element? {
    let name = word()
    var attributes: [(name: String, value: String)] = []
    while true {
      rest = rest.drop(while: isBlank)
      guard let byte = rest.first else { return nil }
      switch byte {
      case UInt8(ascii: ">"):
        rest = rest.dropFirst()
        return name.isEmpty ? nil : Element(name: name, attributes: attributes)
      case UInt8(ascii: "<"):
        // The tag was never closed: the next one begins.
        return nil
      case UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "\""), UInt8(ascii: "'"):
        rest = rest.dropFirst()
      default:
        let attribute = word()
        if let value = value() { attributes.append((attribute, value)) }
      }
    }
  }

  /// What may be a name: all up to a blank or a mark.
  private mutating func word() -> String {
    let word = rest.prefix { !isBlank($0) && !"<>/=\"'".utf8.contains($0) }
    rest = rest[word.endIndex...]
    return String(decoding: word, as: UTF8.self)
  }

  /// The quoted text after `=`, if that is what comes.
  private mutating func value() -> String? {
    var ahead = rest.drop(while: isBlank)
    guard ahead.popFirst() == UInt8(ascii: "=") else { return nil }
    ahead = ahead.drop(while: isBlank)
    guard let quote = ahead.popFirst(), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"),
      let end = ahead.firstIndex(of: quote)
    else { return nil }
    rest = ahead[(end + 1)...]
    return String(decoding: ahead[..<end], as: UTF8.self)
  }

  private func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
  }
}
