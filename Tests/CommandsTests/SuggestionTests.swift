import Testing

@testable import Commands

@Suite struct SuggestionTests {
  private static let words = ["prog", "map", "list", "dmesg", "translate", "struct_ops"]

  @Test(
    arguments: [
      ("porg", "prog"), ("progs", "prog"), ("mao", "map"), ("lst", "list"),
      ("translaet", "translate"),
      ("tarnslaet", "translate"), ("strukt_ops", "struct_ops"), ("dmsg", "dmesg"),
      ("fly", nil), ("", nil), ("progress", nil), ("gorp", nil),
    ] as [(String, String?)])
  func theNearestWordIsMeant(word: String, meant: String?) {
    #expect(nearest(to: word, among: Self.words) == meant)
  }

  @Test func mistakesNameTheCommandThatWasMeant() {
    for (words, text) in [
      (["porg"], "there is no command 'porg', did you mean prog? help lists the commands"),
      (["zzz"], "there is no command 'zzz': help lists the commands"),
      // Two letters of four are too many.
      (["zzog"], "there is no command 'zzog': help lists the commands"),
      (["map", "lsit"], "map has no command 'lsit', did you mean list? it has list, dump, lookup"),
    ] {
      let error = #expect(throws: UsageError.self) { try CommandWords(words).check() }
      #expect(error?.description == text)
    }
  }
}
