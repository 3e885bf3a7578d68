/// How an answer for people is drawn.
struct ScreenStyle {
  /// Columns of characters that a table may take; nil for as many as it needs.
  var width: Int?
  var hasColours = false

  /// For files and pipes.
  static let plain = ScreenStyle()

  func paint(_ text: String, _ paint: Paint?) -> String {
    guard hasColours, let paint else { return text }
    return paint(text)
  }
}

/// Lines as they are drawn.
struct DrawnLines {
  var lines: [String]
  /// Headings of the columns for which there was no room.
  var hidden: [String] = []
}
