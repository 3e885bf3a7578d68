import Foundation
import GuestScopeGDBStub
import GuestScopeGuestMemory
import Testing

extension LiveTests {
  /// A way to QEMU that is long, or breaks.
  @Suite struct LinkTests {
    private let page = [PhysicalRange(PhysicalAddress(0x1000), count: 64)]

    private func target(_ proxy: Proxy) throws -> StubTarget {
      try #require(StubTarget(proxy.target))
    }

    /// Both cut within a first contact and within a glance.
    @Test(arguments: [QEMUProgram.installed, QEMUProgram.all.last!])
    func aLinkThatBreaksLeavesTheGuestRunning(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(program: program)
      let qmp = try qemu.qmp
      let proxy = Proxy(to: qemu.port)
      defer { proxy.end() }
      // One that left by `c` has later versions report each stop.
      _ = try QEMUStub(try target(proxy))
      // The first stop reply is 21 bytes, and an answer 60 at the least.
      var (ends, unknown) = (0, 0)
      for round in 0..<100 {
        let cut = Int.random(in: 22..<(round % 2 == 0 ? 400 : 64))
        proxy.change { $0.cutsAfter = cut }
        do {
          _ = try QEMUStub(try target(proxy)).sample(ranges: page, registers: [])
          // The cut was at the very end of what a connection says.
          ends += 1
        } catch let error as GuestMemError
          where "\(error)".contains("it may still be stopped: type cont in QEMU's monitor")
        {
          // Of a report of the stop whose first byte is all that came, `$`, nobody can know what it
          // would have been; the error names the way out.
          unknown += 1
          try qmp.execute("cont")
        } catch is GuestMemError {}
        #expect(try qmp.runs, "the guest stands still after a cut at \(cut) bytes")
      }
      #expect(ends < 10 && unknown < 10, "\(ends) \(unknown)")
    }

    @Test(arguments: QEMUProgram.all)
    func aLongWayIsPartOfWhatAStopCosts(program: QEMUProgram) throws {
      let qemu = try PlainQEMU(program: program)
      let qmp = try qemu.qmp
      let proxy = Proxy(to: qemu.port, Proxy.Behaviour(delay: .milliseconds(20)))
      defer { proxy.end() }
      var notices: [String] = []
      var options = StubOptions()
      options.notice = { notices.append($0) }
      let stub = try QEMUStub(try target(proxy), options: options)
      _ = try stub.sample(ranges: page, registers: [])
      _ = try stub.sample(ranges: page, registers: [])
      // The first word comes unasked; what is asked has its way there and back.
      #expect(stub.limits.stopCost >= .milliseconds(60))
      #expect(notices.filter { $0.contains("--max-pause") }.count == 1, "\(notices)")
      #expect(stub.takeStatistics().longest >= .milliseconds(40))
      #expect(try qmp.runs)
    }
  }
}
