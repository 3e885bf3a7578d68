import Foundation
import Testing

extension LiveTests {
  /// Modules against /proc/modules of the guest.
  @Suite struct ModuleTests {
    /// `NAME SIZE COUNT USER,…|- STATE ADDRESS [(TAINT)]`, as our keys have it.
    private func row(_ line: String) throws -> [String: String] {
      let words = line.split(separator: " ").map(String.init)
      try #require(words.count >= 6, "\(line)")
      let users = words[3].split(separator: ",").filter { $0 != "-" && !$0.hasPrefix("[") }
      let address = try #require(UInt64(words[5].dropFirst(2), radix: 16))
      return [
        "name": words[0], "size": words[1], "refcnt": words[2],
        "users": users.joined(separator: ","), "state": words[4],
        "address": "0x" + String(address, radix: 16),
        "taints": words.count > 6 ? words[6].filter(\.isLetter) : "",
      ]
    }

    @Test(arguments: LiveGuest.resting.filter { !$0.hasCrashed })
    func modulesAreAsProcShowsThem(guest: LiveGuest) throws {
      let truth = try guest.truth("module").map { try row($0["line"] as? String ?? "") }
      let result = try Program(guest, ["-j", "module", "list"]).run()
      // A kernel that keeps only the names of its functions does not show where its list is.
      if guest.label == "arm64-6.1" {
        #expect(result.status == 1 && result.err.contains("modules"), "\(result.err)")
        return
      }
      #expect(result.status == 0, "\(result.err)")
      let ours = try result.objects().map { row in
        row.mapValues { ($0 as? [String])?.joined(separator: ",") ?? "\($0)" }
      }
      #expect(ours == truth)
      // Not every guest has some.
      #expect(!truth.isEmpty || guest.label != "x86-6.1-pti")
    }
  }
}
