import Foundation
import TestSupport
import Testing

extension LiveTests {
  /// However a session ends, and whatever happens to it on the way: the guest runs, or is stopped if
  /// it was, the physical memory mode is as before, and a next session works.
  ///
  /// Where what says whether the guest ran was changed on the way, there is a message, and no crash.
  @Suite struct TortureTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static func number(_ name: String) -> UInt64? {
      environment["GUESTSCOPE_TORTURE_" + name].flatMap { UInt64($0) }
    }

    /// Sessions in all, and the seed of the first; `scripts/torture` asks for more, and for others.
    private static let sessions = Int(number("SESSIONS") ?? UInt64(TortureWay.allCases.count))
    private static let firstSeed = number("SEED") ?? 1
    /// The way in which all sessions end; nil for each in turn.
    private static let way = environment["GUESTSCOPE_TORTURE_WAY"]
    /// Where earlier sessions are, one a line.
    private static let log = environment["GUESTSCOPE_TORTURE_LOG"]

    private static var guests: [LiveGuest] {
      let isTorture = number("SESSIONS") != nil
      return isTorture ? LiveGuest.oneOfEachQEMU : ["x86-6.1", "x86-7"].map { LiveGuest($0) }
    }

    @Test(arguments: guests)
    func theGuestIsAsItWasAfterEverySession(guest: LiveGuest) throws {
      let bench = try TortureBench(guest)
      let log = Self.log.map { "\($0)/\(guest.label)" }
      var tally = TortureTally(log: log)
      let way = try Self.way.map {
        try #require(TortureWay(rawValue: $0), "there is no way '\($0)'")
      }
      let first = TortureSession.seed(of: way, from: Self.firstSeed)
      // Each of a log has the seed of its place.
      let done = tally.count
      print("torture of \(guest.label): seed \(first), \(done) of \(Self.sessions) done")
      while tally.count < Self.sessions {
        let step = way == nil ? 1 : TortureSession.ways
        let session = TortureSession(seed: first &+ UInt64(tally.count) * step)
        try tally.add(session, try bench.run(session))
      }
      print("torture of \(guest.label):\n\(tally.table)")
      for exception in tally.exceptions { Issue.record("\(exception)") }
    }
  }
}
