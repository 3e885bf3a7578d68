import Testing

@testable import Commands
@testable import GuestScopeKernelScheduler

/// What a report says of sched_ext on a screen.
@Suite struct SchedulerSectionTests {
  private func lines(exits count: Int) -> [String] {
    let exits = (0..<count).map { number in
      ScxExit(source: .kernelLog, name: "lab\(number)", reason: "runtime error", message: "")
    }
    let reading = SchedulerReading(
      state: ScxState(schedulers: []), exits: exits, stops: 1, missing: [], unreadable: [])
    return SchedulerSection(.success(reading), nil).lines
  }

  @Test func aFewExitsAreShownAndTheOthersCounted() {
    #expect(lines(exits: 0).count == 1)
    #expect(lines(exits: 5).count == 6 && !lines(exits: 5).joined().contains("more"))
    let many = lines(exits: 8)
    #expect(many.count == 7 && many.last == "sched_ext exit: 3 more, shown by scx exit")
  }
}
