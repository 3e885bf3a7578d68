import Glibc

/// All that is coloured on a terminal, and how (the parameters of its SGR command).
enum Paint: String {
  case emphasis = "1"
  case name = "36"
  case type = "32"
  /// What could not be read.
  case damaged = "31"
  /// What is not as it was before.
  case changed = "33"
  case ready = "1;32"
  case attention = "1;33"

  func callAsFunction(_ text: String) -> String {
    text.isEmpty ? text : "\u{1b}[\(rawValue)m\(text)\u{1b}[0m"
  }

  /// Colours are for terminals, and for those who did not turn them off (no-color.org).
  static func isWanted(on descriptor: Int32) -> Bool {
    isatty(descriptor) == 1 && environment("NO_COLOR").isEmpty && environment("TERM") != "dumb"
  }
}
