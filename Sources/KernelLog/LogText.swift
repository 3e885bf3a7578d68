import GuestScopeBytes

extension Collection<UInt8> {
  /// The text of a record. What is not UTF-8 is escaped as dmesg does it: `\xff`.
  var logText: String {
    if let text = String(validating: self, as: UTF8.self) { return text }
    var text = ""
    var (rest, decoder) = (makeIterator(), UTF8.ForwardParser())
    var position = startIndex
    while position != endIndex {
      switch decoder.parseScalar(from: &rest) {
      case .valid(let scalar):
        text.unicodeScalars.append(UTF8.decode(scalar))
        position = index(position, offsetBy: scalar.count)
      case .error(let length):
        let next = index(position, offsetBy: Swift.max(1, length))
        for byte in self[position..<next] { text += "\\x" + UInt64(byte).paddedHex(2) }
        position = next
      case .emptyInput: return text
      }
    }
    return text
  }
}

extension Substring {
  /// With what a terminal would act on written as dmesg writes it: `\x1b`.
  var controlsEscaped: String {
    if utf8.allSatisfy({ ($0 >= 0x20 && $0 != 0x7f) || $0 == 0x9 }) { return String(self) }
    var text = ""
    for scalar in unicodeScalars {
      if (scalar.value < 0x20 && scalar != "\t") || scalar.value == 0x7f {
        text += "\\x" + UInt64(scalar.value).paddedHex(2)
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
