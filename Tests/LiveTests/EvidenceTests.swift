import Foundation
import GuestScopeGDBStub
import GuestScopeGuestMemory
import TestSupport
import Testing

extension LiveTests {
  /// A guest that stops by itself while a session reads it: what people come for is left as it is.
  @Suite struct EvidenceTests {
    private let page = [PhysicalRange(PhysicalAddress(0x1000), count: 64)]

    /// A version of QEMU, and the rest between two reads; none is that within one command.
    struct Case: CustomTestStringConvertible, Sendable {
      var program: QEMUProgram
      var rest: Duration
      var testDescription: String { "\(program.testDescription), \(rest)" }

      private static let rests: [Duration] =
        [.zero, .milliseconds(10), .milliseconds(200), .seconds(2)]

      /// Each rest once, and each version; all of both in `scripts/torture`. QEMU has pvpanic as a
      /// PCI device, and `-action`, from 6.0 on.
      static var all: [Case] {
        let programs = QEMUProgram.all.filter { $0.version != "5.2" }
        let isTorture = ProcessInfo.processInfo.environment["GUESTSCOPE_KILLS"] != nil
        return rests.enumerated().flatMap { index, rest in
          let chosen = isTorture ? programs : [programs[index % programs.count]]
          return chosen.map { Case(program: $0, rest: rest) }
        }
      }
    }

    @Test(.timeLimit(.minutes(4)), arguments: Case.all)
    func aGuestThatPanicsIsNotLetGo(it: Case) throws {
      // QEMU loses a panic that it is to act on when we connect: then the guest stands still for us
      // alone, and goes on. That is rare, and another guest may show the rule.
      for _ in 0..<6 {
        let guest = try BootingGuest(
          "x86-6.1", append: "unknown_nmi_panic", program: it.program, hasModules: true,
          arguments: ["-device", "pvpanic-pci", "-action", "panic=pause"])
        try guest.wait(for: "GUESTSCOPE-MODULES")
        let stub = try QEMUStub(try #require(StubTarget(guest.target)))
        let qmp = try guest.qmp
        _ = try qmp.events()
        try qmp.execute("inject-nmi")
        while stub.runState == .running, !guest.hasEnded {
          do { _ = try stub.sample(ranges: page, registers: []) } catch {
            // Its QEMU has ended with its reset.
            #expect(eventually { guest.hasEnded }, "\(error)")
          }
          usleep(UInt32(it.rest / .microseconds(1)))
        }
        if guest.hasEnded { continue }
        for _ in 0..<3 { _ = try stub.sample(ranges: page, registers: []) }
        #expect(stub.runState == .stopped(reason: "guest-panicked"))
        // Nothing of ours let it go after that.
        let events = try qmp.events()
        let panic = try #require(events.lastIndex(of: "GUEST_PANICKED"))
        #expect(!events[panic...].contains("RESUME"), "\(events.suffix(8))")
        #expect(try qmp.status == "guest-panicked")
        return
      }
      Issue.record("six panics were lost")
    }
  }
}
