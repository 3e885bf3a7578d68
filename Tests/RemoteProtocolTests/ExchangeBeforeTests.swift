import Testing

@testable import GuestScopeRemoteProtocol

private let stop = "$T02thread:01;#04"

/// What a stub says before it takes the greeting.
@Suite struct ExchangeBeforeTests {
  @Test(arguments: [("", 0), (stop, 1), (stop + stop, 2), ("$E22#a9", 0)])
  func stopsAreCountedUntilTheGreetingIsTaken(words: String, stops: Int) throws {
    let exchange = try run([.greeting], words + "+$#00")
    #expect(exchange.isComplete)
    #expect(exchange.before == Exchange.Before(stops: stops, hasMark: words.hasPrefix("$E22")))
  }

  /// QEMU's own `-` comes after its stops; one that comes before them is noise of the link.
  @Test(arguments: ["-" + stop, stop + "-", "-" + stop + stop, stop + "-" + stop])
  func stopsAreCountedOnBothSidesOfARefusal(words: String) throws {
    let exchange = try run([.greeting], words)
    #expect(exchange.replies == [.refused])
    #expect(exchange.before.stops == words.split(separator: "$").count { $0.hasPrefix("T02") })
  }

  @Test func stopsAfterTheGreetingAreOthers() throws {
    let exchange = try run([.greeting, .physicalMemoryMode], "+$#00\(stop)+$0#30")
    #expect(exchange.isComplete)
    #expect(exchange.before.stops == 0)
    #expect(exchange.stopReplies.count == 1)
  }
}
