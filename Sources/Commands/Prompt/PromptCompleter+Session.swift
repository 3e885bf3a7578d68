import GuestScopeGDBStub
import LineEditing

extension PromptCompleter {
  /// What an option takes that opens a session; nil after all other words.
  func sessionValue(after option: String?, _ word: String) -> Completion? {
    guard let option, option.hasPrefix("-"), option != "-",
      let found = ArgumentDescription.all(of: Root.self).first(where: {
        $0.kind == "option" && $0.words.contains(option)
      })
    else { return nil }
    switch found.words.max(by: { $0.count < $1.count }) {
    case "--connect":
      // Listing the guests of this host stops none of them.
      let guests = HostGuest.all()
      return .words(
        matching(word, guests.map { guests.address(of: $0) })
          + matching(word, guests.compactMap(\.gdbservers.first?.userText) + ["all"]))
    case "--kernel", "-f": return .files
    default: return .words([])
    }
  }
}
