import Foundation
import Testing

@testable import GuestScopeGDBStub

/// Whether a link broke shortly before its owner died.
@Suite struct LinkWatchTests {
  /// Both ends of a connection, which are closed in the end.
  private final class Pair {
    var ends: [Int32] = [-1, -1]

    init() { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) }
    deinit { for end in ends where end >= 0 { close(end) } }

    func closeOther() {
      close(ends[1])
      ends[1] = -1
    }
  }

  /// Watches a link, which breaks or not, until its owner says something.
  private func watched(breaks: Bool, patience: Duration) -> LinkWatch {
    let (owner, link) = (Pair(), Pair())
    var watch = LinkWatch()
    watch.patience = patience
    if breaks { link.closeOther() }
    let other = owner.ends[1]
    owner.ends[1] = -1
    Thread.detachNewThread {
      usleep(100_000)
      close(other)
    }
    watch.wait(for: owner.ends[0], link.ends[0])
    return watch
  }

  @Test func aLinkThatLivesIsFresh() {
    #expect(watched(breaks: false, patience: .zero).isFresh)
  }

  @Test func aLinkThatHasJustBrokenIsFresh() {
    #expect(watched(breaks: true, patience: .seconds(3600)).isFresh)
  }

  @Test func aLinkThatBrokeLongAgoIsNot() {
    #expect(!watched(breaks: true, patience: .zero).isFresh)
  }
}
