import Foundation
import Testing

extension LiveTests {
  /// `dmesg --follow` on a guest that goes on logging.
  @Suite(.timeLimit(.minutes(5))) struct FollowTests {
    @Test func eachLineComesOnceAndCtrlCEndsIt() throws {
      let guest = try BootingGuest("x86-6.1", append: "gs.objects=0 gs.mode=log")
      try guest.waitUntilReady()
      let words = ["-c", guest.target, "-j", "dmesg", "--follow", "--interval", "0.1"]
      let child = try Program(words).start()
      func lines() throws -> [Int] {
        try child.out.split(separator: "\n").dropLast().compactMap { line in
          let record = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
          let text = record?["text"] as? String ?? ""
          return text.hasPrefix("gs: line ") ? Int(text.dropFirst(9)) : nil
        }
      }
      // Some were there at the first look, and others came.
      let end = Date(timeIntervalSinceNow: 120)
      while try lines().count < 60, child.isRunning, Date() < end { usleep(200_000) }
      kill(child.identifier, SIGINT)
      #expect(child.wait() == 130, "\(child.err)")
      let seen = try lines()
      #expect(seen.count >= 60)
      let first = try #require(seen.first)
      #expect(seen == Array(first..<first + seen.count))
    }
  }
}
