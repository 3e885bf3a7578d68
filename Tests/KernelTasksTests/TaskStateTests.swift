import Testing

@testable import GuestScopeKernelTasks

/// Numbers of include/linux/sched.h as letters.
@Suite struct TaskStateTests {
  @Test(
    arguments: [
      (0, 0, "R"), (1, 0, "S"), (2, 0, "D"), (4, 0, "T"), (8, 0, "t"), (0x10, 0, "X"),
      (0, 0x20, "Z"), (0x80, 0x20, "Z"), (0x40, 0, "P"), (0x402, 0, "I"), (0x2402, 0, "I"),
      // TASK_KILLABLE, TASK_NEW, TASK_WAKING and frozen.
      (0x102, 0, "D"), (0x800, 0, "R"), (0x200, 0, "R"), (0x8000, 0, "D"), (0x2001, 0, "S"),
    ] as [(UInt64, UInt32, Character)])
  func everyStateHasItsLetter(state: UInt64, exitState: UInt32, letter: Character) {
    #expect(TaskState(state, exitState: exitState).letter == letter)
  }

  /// Every number has one of the known letters, also where bits are set that mean nothing. With all bits of
  /// an exit state set it is P, unless the state itself makes it D or I.
  @Test(arguments: [(0, "RSDTtXZPI"), (.max, "DIP")] as [(UInt32, String)])
  func anyNumberHasALetter(exitState: UInt32, letters: String) {
    let states = 0..<1 << 16 as Range<UInt64>
    #expect(Set(states.map { TaskState($0, exitState: exitState).letter }) == Set(letters))
  }
}
