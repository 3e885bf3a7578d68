import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelTasks

/// CPUs that do not come back to their scheduler.
@Suite struct StuckCPUTests {
  private static let second: UInt64 = 1_000_000_000

  /// - Parameters:
  ///   - clocks: of the run queues, in seconds.
  ///   - idle: CPU 1 runs nothing.
  private func guest(clocks: [UInt64], idle: Bool = false) -> TaskGuest {
    let guest = TaskGuest()
    guest.add(1, "init")
    guest.add(90, "loops", state: 0)
    guest.run(1, onCPU: 0, clock: clocks[0] * Self.second)
    guest.run(idle ? nil : 90, onCPU: 1, clock: clocks[1] * Self.second)
    return guest
  }

  private func stuck(_ guest: TaskGuest) throws -> [UInt64?] {
    guest.finish()
    let list = try guest.list().value
    return try #require(list.running).map { list.stuckTime(of: $0) }
  }

  @Test func aClockThatIsFarBehindIsThatOfAStuckCPUUnlessItIsIdle() throws {
    #expect(try stuck(guest(clocks: [100, 99])) == [nil, nil])
    #expect(try stuck(guest(clocks: [100, 90])) == [nil, 10 * Self.second])
    #expect(try stuck(guest(clocks: [100, 10], idle: true)) == [nil, nil])
  }

  /// A clock that moves says nothing of who runs: the tick of a CPU goes on while a task loops.
  @Test func aWatchdogThatWasNotLetRunShowsIt() throws {
    let guest = guest(clocks: [100, 100])
    // Both of 2^30 ns: 90 of them are 96.6 s.
    guest.watch(threshold: 10, stamps: [90, 40])
    guest.finish()
    let list = try guest.list().value
    #expect(list.lockupThreshold == 10 * Self.second)
    let now: UInt64 = 100 * Self.second
    let ages: [UInt64?] = [now - 90 << 30, now - 40 << 30]
    let running = try #require(list.running)
    #expect(running.map(\.watchdogAge) == ages)
    #expect(try stuck(guest) == [nil, ages[1]])
  }

  @Test func aRunQueueThatIsDamagedHidesNoOther() throws {
    let guest = guest(clocks: [100, 90])
    guest.guest.ram.write(0x1234 as UInt64, at: guest.queues[0] + 16)
    guest.finish()
    let snapshot = try guest.list()
    #expect(snapshot.unreadable.map { "\($0.key)" } == ["run queue 0"])
    #expect(snapshot.value.running?.map(\.pid) == [90])
    #expect(snapshot.value.tasks.map(\.pid) == [1, 90])
  }

  @Test func aCPUThatIsNotWatchedIsNotStuck() throws {
    let never = guest(clocks: [100, 100])
    never.watch(threshold: 10, stamps: [0, .max])
    #expect(try stuck(never) == [nil, nil])
    let offline = guest(clocks: [100, 100])
    offline.watch(threshold: 10, stamps: [90, 40], online: 1)
    #expect(try stuck(offline) == [nil, nil])
    let off = guest(clocks: [100, 100])
    off.watch(threshold: 10, stamps: [90, 40], isOn: false)
    #expect(try stuck(off) == [nil, nil])
    let damaged = guest(clocks: [100, 100])
    damaged.watch(threshold: 0xffff_ffff, stamps: [90, 40])
    #expect(try stuck(damaged) == [nil, nil])
  }
}
