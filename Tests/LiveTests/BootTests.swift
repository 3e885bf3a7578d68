import Foundation
import Testing

extension LiveTests {
  /// A guest that is asked all the time while it boots.
  @Suite struct BootTests {
    @Test(.timeLimit(.minutes(5)), arguments: ["x86-6.1", "arm64-6.12"])
    func atEveryMomentOfTheBootThereIsAnAnswerOrAReason(guest: String) throws {
      let booting = try BootingGuest(guest)
      var reasons: Set<String> = []
      var hasAnswered = false
      while !booting.isReady {
        let result = try Program(
          ["-c", booting.target, "-k", LiveGuest(guest).kernel, "prog", "list", "-j"]
        ).run()
        switch result.status {
        case 0, 2:
          hasAnswered = true
          #expect(try result.json() is [Any])
        case 1:
          try #require(result.err.contains("try again"), "\(result.err)")
          #expect(!hasAnswered, "\(result.err)")
          reasons.insert(result.err)
        default: Issue.record("exit status \(result.status): \(result.err)")
        }
      }
      // Firmware, decompression and early boot say so in different words.
      #expect(!reasons.isEmpty && hasAnswered)
    }

    @Test func aBootLoaderIsNamed() throws {
      // `jmp .` is boot loader enough.
      let sector = [0xeb, 0xfe] + [UInt8](repeating: 0, count: 508) + [0x55, 0xaa]
      let rest = [UInt8](repeating: 0, count: 1 << 20)
      try withFile(Data(sector + rest)) { disk in
        let qemu = try PlainQEMU(["-drive", "file=\(disk),format=raw"])
        // From the firmware to 0x7c00, where a boot sector is.
        var rip = ""
        for _ in 0..<600 where rip != "0x7c00" {
          let registers = try Program(["-c", qemu.target, "regs", "0", "-j"]).run().objects()
          rip = (registers.first?["registers"] as? [String: String])?["rip"] ?? ""
          usleep(100_000)
        }
        #expect(rip == "0x7c00")
        let result = try Program(
          ["-c", qemu.target, "-k", LiveGuest("x86-6.1").kernel, "prog", "list"]
        ).run()
        #expect(result.status == 1)
        #expect(result.err.contains("boot loader"), "\(result.err)")
        #expect(try qemu.qmp.status == "running")
      }
    }
  }
}
