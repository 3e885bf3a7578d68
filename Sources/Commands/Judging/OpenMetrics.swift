/// The numbers of a sample in the text format of OpenMetrics, which a node exporter's textfile
/// collector reads as well.
struct OpenMetrics {
  let sample: WatchSample
  /// Where there are several; each number says of which it is.
  let guest: String?

  init(_ sample: WatchSample, guest: String? = nil) { (self.sample, self.guest) = (sample, guest) }

  var text: String {
    let own = guest.map { "guest=\"\(Self.escaped($0))\"" }
    var text = "# HELP guestscope_value A number of an answer of guestscope.\n"
    text += "# TYPE guestscope_value gauge\n"
    for object in sample.objects(after: nil) {
      for (path, value) in object.values {
        guard let value = Self.number(value) else { continue }
        text +=
          "guestscope_value{" + (own.map { $0 + "," } ?? "")
          + "object=\"\(Self.escaped(object.name))\",key=\"\(Self.escaped(path))\"} "
          + value.text(pretty: false) + "\n"
      }
    }
    text += "# HELP guestscope_pause_seconds How long the guest stood still for this sample.\n"
    text += "# TYPE guestscope_pause_seconds gauge\n"
    text += "guestscope_pause_seconds" + (own.map { "{" + $0 + "}" } ?? "")
    text += " \(sample.cost.stops.total.milliseconds / 1e3)\n"
    return text + "# EOF\n"
  }

  /// Nil for what is not a finite number; 0 or 1 for false or true.
  private static func number(_ value: JSON) -> JSON? {
    if case .bool(let isTrue) = value { return .unsigned(isTrue ? 1 : 0) }
    return value.double?.isFinite == true ? value : nil
  }

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text.printable {
      switch character {
      case "\\": escaped += "\\\\"
      case "\"": escaped += "\\\""
      default: escaped.append(character)
      }
    }
    return escaped
  }
}
