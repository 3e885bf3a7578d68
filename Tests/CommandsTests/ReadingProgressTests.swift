import Testing

@testable import Commands

@Suite struct ReadingProgressTests {
  @Test(
    arguments: [
      ("", 5 << 20, .milliseconds(35), "read 5 MiB, the guest was stopped for 35.0 ms…"),
      ("report, maps", 700, .zero, "report, maps: read 700 bytes…"),
      ("", 2048, nil, "read 2 KiB, the guest is held…"),
    ] as [(String, UInt64, Duration?, String)])
  func itSaysWhatWasDoneAndWhatThatCost(
    activity: String, bytes: UInt64, pause: Duration?, text: String
  ) {
    #expect(ReadingProgress.text(activity, bytes, pause) == text)
  }
}
