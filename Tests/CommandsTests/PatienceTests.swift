import GuestScopeLinuxKernel
import Testing

@testable import Commands
@testable import GuestScopeGuestMemory

@Suite struct PatienceTests {
  /// Looks at a guest that shows the same all the time, until the time is over.
  private func looks(_ patience: Patience, atMost most: Int = 1000) -> [Duration] {
    var patience = patience
    var (elapsed, looks): (Duration, [Duration]) = (.zero, [.zero])
    while looks.count < most, let rest = patience.rest(after: "firmware", at: elapsed) {
      elapsed += rest
      looks.append(elapsed)
    }
    return looks
  }

  @Test func restsGrowToASecond() {
    let looks = looks(Patience(limit: nil), atMost: 50)
    let rests = zip(looks.dropFirst(), looks).map { $0 - $1 }
    #expect(rests.first == .milliseconds(250))
    #expect(zip(rests, rests.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(rests.last == .seconds(1))
  }

  @Test(arguments: [Duration.milliseconds(1), .milliseconds(100), .seconds(3), .seconds(60)])
  func theLastLookIsWhenTheTimeIsOver(limit: Duration) {
    let looks = looks(Patience(limit: limit))
    #expect(looks.first == .zero && looks.last == limit)
  }

  @Test func anythingNewIsLookedAtSoonAgain() {
    var patience = Patience(limit: nil)
    for _ in 0..<20 { _ = patience.rest(after: "firmware", at: .seconds(1)) }
    #expect(patience.rest(after: "firmware", at: .seconds(1)) == .seconds(1))
    #expect(patience.rest(after: "booting", at: .seconds(1)) == .milliseconds(250))
  }

  @Test func anObjectThatChangesMayBeReadLaterAndOneThatIsLackingMayNot() {
    func isMomentary(_ reason: Unreadable.Reason) -> Bool {
      UnreadableObject(
        key: ObjectKey("stack of vCPU", id: 0, at: KernelVirtualAddress(0)),
        cause: Unreadable(reason, at: 0)
      ).isMomentary
    }
    #expect(isMomentary(.moving) && isMomentary(.notMapped))
    #expect(!isMomentary(.lacking("no symbol")) && !isMomentary(.missing("no task")))
  }

  @Test func optionsSayHowLong() throws {
    func limit(_ words: String...) throws -> Duration?? {
      try SessionOptions.parse(words).patience.map(\.limit)
    }
    #expect(try limit() == nil)
    #expect(try limit("--wait", "0") == .some(nil))
    #expect(try limit("--wait", "2.5") == .milliseconds(2500))
    #expect(try limit("--wait-for", "scx_*") == .seconds(60))
    #expect(try limit("--wait-for", "scx_*", "--wait", "5") == .seconds(5))
    #expect(try SessionOptions.parse(["--wait", "1"]).opensSession)
    #expect(try SessionOptions.parse(["--wait-for", "x"]).opensSession)
    for wrong in [["--wait", "-1"], ["--wait", "x"], ["--wait", "1e12"], ["--wait-for", ""]] {
      #expect(throws: (any Error).self) { try SessionOptions.parse(wrong) }
    }
  }
}

@Suite struct WhatMayPassTests {
  @Test func aGuestThatIsOnItsWay() {
    for kind in [GuestMemError.Kind.absent, .silent, .busy, .lost] {
      #expect(GuestMemError(kind, "").isTransient)
      #expect(KernelError.snapshot(.source(GuestMemError(kind, ""))).isTransient)
    }
    #expect(KernelError.noKernel("firmware").isTransient)
    #expect(KernelError.unreadableVariable("phys_base").isTransient)
    #expect(KernelError.snapshot(.kernelChanged("the guest was reset")).isTransient)
  }

  @Test func whatStaysAsItIs() {
    for kind in [GuestMemError.Kind.unreachable, .unsupported, .tooLarge, .interrupted] {
      #expect(!GuestMemError(kind, "").isTransient)
      #expect(!KernelError.snapshot(.source(GuestMemError(kind, ""))).isTransient)
    }
    #expect(!KernelError.wrongFile(file: "vmlinuz", fileBanner: nil, guestBanner: nil).isTransient)
    #expect(!KernelError.noVCPU(7, known: [0, 1]).isTransient)
    #expect(!KernelError.symbolNotFound("prog_idr", file: "vmlinuz").isTransient)
    let lacking = Unreadable(.lacking("the kernel has no prog_idr"), at: 0)
    #expect(!KernelError.snapshot(.unreadable(lacking)).isTransient)
  }
}
