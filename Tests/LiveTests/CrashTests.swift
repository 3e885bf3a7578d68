import Foundation
import TestSupport
import Testing

extension LiveTests {
  /// A guest whose kernel crashed on CPU 0, where the crash kernel runs now: the same build, elsewhere
  /// in memory. That the truth of the kernel that crashed is found is tested with the other guests'.
  @Suite struct CrashTests {
    private let guest = LiveGuest("x86-6.1-kdump")

    private func vcpus(_ answer: ChildProcess.Outcome) throws -> [[String: Any]] {
      let answer = try #require(try answer.json() as? [String: Any])
      return try #require(answer["vcpus"] as? [[String: Any]])
    }

    @Test(arguments: ["report", "info"])
    func theAnswerSaysWhereEachVCPUIs(command: String) throws {
      let result = try Program(guest, ["-j", command]).run()
      #expect(result.status == 0, "\(result.err)")
      #expect(result.err.contains("vCPU 0 is in another kernel"), "\(result.err)")
      #expect(result.err.contains("which crashed (panic on CPU 0)"), "\(result.err)")
      let places = try vcpus(result)
      #expect(places.map { $0["in"] as? String } == ["other_kernel", "this_kernel"])
      let answer = try #require(try result.json() as? [String: Any])
      #expect(answer["panic_cpu"] as? Int == 0)
      #expect(answer["crash_kernel"] as? Bool == false)
      // Seen from the other side it is the same.
      let other = try Program(guest, ["-j", "--vcpu", "0", "info"]).run()
      let facts = try #require(try other.json() as? [String: Any])
      #expect((other.status, other.err) == (0, ""))
      #expect(facts["text_base"] as? String == places[0]["text_base"] as? String)
      #expect(facts["crash_kernel"] as? Bool == true)
      #expect(try vcpus(other).map { $0["in"] as? String } == ["this_kernel", "other_kernel"])
    }

    @Test func theCrashKernelHasNoPrograms() throws {
      let crash = try Program(guest, ["-j", "--vcpu", "0", "prog", "list"]).run()
      #expect((crash.status, crash.out) == (0, "[]\n"))
      let crashed = try Program(guest, ["-j", "--vcpu", "1", "prog", "list"]).run()
      #expect(try crashed.objects().count == (try guest.truth("prog").count))
    }
  }
}
