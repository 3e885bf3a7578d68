import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelStacks

/// Stacks of a guest whose ORC tables and stacks are written by hand.
@Suite struct OrcStackTests {
  private static let whole = ["schedule+0x20", "framed+0x10", "plain+0x10", "entry+0x10"]

  @Test func aSleepingTaskIsUnwoundToItsSystemCall() throws {
    for numbers in [StackGuest.Numbers.first, .byRegister] {
      let guest = StackGuest(numbers)
      guest.addTask(1)
      guest.addTask(2)
      guest.tasks.finish()
      let stacks = try guest.stacks()
      #expect(stacks.map(\.text) == [Self.whole, Self.whole])
      #expect(stacks.allSatisfy { $0.end == .outermost && $0.isWhole })
    }
  }

  @Test func aTaskThatRunsOrHasEndedHasNone() throws {
    let guest = StackGuest()
    guest.addTask(1, isRunning: true)
    guest.tasks.add(2, "zombie")
    guest.tasks.finish()
    let stacks = try guest.stacks()
    #expect(stacks.allSatisfy { $0.frames.isEmpty })
    #expect("\(stacks[0].end)".contains("it runs") && "\(stacks[1].end)".contains("has ended"))
  }

  /// An interrupt of `framed`, before it has its frame, goes on on a stack of its own, whose pointer leads to
  /// the last word or, up to 5.11, to the end.
  @Test(arguments: [8, 0] as [UInt64])
  func aCPUIsUnwoundThroughAnInterrupt(interruptTop: UInt64) throws {
    let guest = StackGuest(interruptTop: interruptTop)
    let place = guest.addTask(1, isRunning: true)
    let stack = guest.stacks[1]!
    guest.tasks.run(1, onCPU: 0, clock: 1)
    guest.tasks.finish()
    // `framed` was called by `plain`, and interrupted at its start: its return address is on top.
    let top = StackGuest.bottom - 0x30
    let saved = place - 200
    guest.write(guest.code(StackGuest.framed + 2), on: stack, saved + 128)
    guest.write(0x10, on: stack, saved + 136)
    guest.write(stack.virtual + UInt64(top), on: stack, saved + 152)
    guest.write(guest.code(StackGuest.interrupt + 0x10), on: stack, saved - 8)
    // The interrupt's own stack begins with where the task's is.
    let end = StackGuest.stackSize - 0x40
    guest.write(stack.virtual + UInt64(saved - 8), on: guest.interrupts, end)
    guest.guest.registers["rip"] = guest.code(StackGuest.onInterruptStack + 4)
    guest.guest.registers["eflags"] = 2
    guest.guest.registers["rsp"] = guest.interrupts.virtual + UInt64(end)
    guest.guest.registers["rbp"] = 0x1111
    let cpu = try #require(try guest.cpuStack())
    #expect(cpu.cpu == 0 && cpu.mode == .kernel && cpu.pid == 1)
    #expect(
      cpu.stack.text == [
        "<IRQ> handler+0x4", "interrupt+0x10", "framed+0x2", "plain+0x10", "entry+0x10",
      ])
    #expect(cpu.stack.end == .outermost)
    #expect(cpu.stack.frames.map(\.isInterrupted) == [true, false, true, false, false])
  }

  @Test func aCPUInUserModeHasNone() throws {
    let guest = StackGuest()
    guest.addTask(1, isRunning: true)
    guest.tasks.run(1, onCPU: 0, clock: 1)
    guest.tasks.finish()
    for (name, value) in [
      ("rip", 0x40_1000), ("rsp", 0x7fff_0000), ("rbp", 0), ("eflags", 0x202),
    ]
      as [(String, UInt64)]
    {
      guest.guest.registers[name] = value
    }
    let cpu = try #require(try guest.cpuStack())
    #expect(cpu.mode == .user && cpu.stack.frames.isEmpty && cpu.pid == 1)
  }

  @Test func aStackThatIsDamagedIsCutAndSaysWhy() throws {
    func stack(_ damage: (StackGuest, Int) -> Void) throws -> KernelStack {
      let guest = StackGuest()
      damage(guest, guest.addTask(1))
      guest.tasks.finish()
      return try #require(try guest.stacks().first)
    }
    // A frame pointer that leads nowhere.
    let astray = try stack { $0.write(0x1234_5678, on: $0.stacks[1]!, $1 - 0x20) }
    #expect(Array(astray.text.prefix(2)) == ["schedule+0x20", "framed+0x10"])
    #expect("\(astray.end)".contains("memory of no known stack"), "\(astray.end)")
    // What is left on the stack is shown, and is in doubt.
    #expect(astray.text.contains("? plain+0x10") && !astray.isWhole)

    let backwards = try stack {
      $0.write($0.stacks[1]!.virtual + UInt64($1 - 0x400), on: $0.stacks[1]!, $1 - 0x20)
      $0.write($0.code(StackGuest.plain + 0x10), on: $0.stacks[1]!, $1 - 0x3f8)
    }
    #expect("\(backwards.end)".contains("leads backwards"), "\(backwards.end)")

    let noCode = try stack { $0.write($0.code(0x5000), on: $0.stacks[1]!, $1) }
    #expect("\(noCode.end)".contains("return address in no code"), "\(noCode.end)")
    #expect(noCode.text.first == "schedule+0x20")

    let unknown = try stack { $0.write($0.code(0x40), on: $0.stacks[1]!, $1) }
    #expect("\(unknown.end)".contains("no unwind information"), "\(unknown.end)")
  }

  @Test func aReturnProbeHidesTheCaller() throws {
    let guest = StackGuest()
    guest.guest.symbols["arch_rethook_trampoline"] = 0x700
    let place = guest.addTask(1)
    guest.write(guest.code(0x700), on: guest.stacks[1]!, place)
    guest.tasks.finish()
    let stack = try #require(try guest.stacks().first)
    #expect(stack.text.starts(with: ["schedule+0x20", "arch_rethook_trampoline+0x0"]))
    #expect("\(stack.end)".contains("a return probe"), "\(stack.end)")
    #expect(stack.text.contains("? plain+0x10"))
  }

  /// Code that has no entries, and that no symbol says to be BPF's.
  @Test func generatedCodeIsFollowedByAGuess() throws {
    let guest = StackGuest()
    let place = guest.addTask(1)
    guest.write(0xffff_ffff_c012_3456, on: guest.stacks[1]!, place)
    guest.tasks.finish()
    let stack = try #require(try guest.stacks().first)
    #expect(stack.text == ["schedule+0x20", "? -", "? plain+0x10", "? entry+0x10"])
    #expect(stack.end == .outermost && !stack.isWhole)
  }

  @Test func damagedStacksAndTablesAreAnsweredOrRefused() throws {
    let guest = StackGuest()
    for pid in 1...4 as ClosedRange<UInt32> { guest.addTask(pid) }
    guest.tasks.finish()
    let recorded = ScriptedMemory(guest.guest.memory)
    let kernel = try guest.kernel(SnapshotEngine(recorded))
    let stacks = try KernelStacks(kernel)
    func read(_ engine: SnapshotEngine) throws(SnapshotError) -> Snapshot<[TaskStack]> {
      try kernel.snapshot(engine, waveLimit: KernelStacks.waveLimit) { walk throws(ReadFault) in
        try stacks.stacks(in: walk)
      }
    }
    let whole = try read(SnapshotEngine(recorded))
    #expect(whole.value.map(\.stack.text) == Array(repeating: Self.whole, count: 4))
    let corruptible = try CorruptibleGuest(
      guest.guest.memory, read: Array(recorded.samples.joined()))
    var cut = 0
    let tally = corruptible.damaged("stacks") { engine, round throws(SnapshotError) in
      let snapshot = try read(engine)
      for task in snapshot.value {
        #expect(task.stack.frames.count <= StackWalk.most + 32, "\(round)")
        if case .cut(let reason) = task.stack.end {
          cut += 1
          #expect(!reason.isEmpty, "\(round)")
        }
        // Whatever is sure is in the kernel's code.
        for frame in task.stack.frames where frame.isReliable && !frame.isInterrupted {
          let isInCode = kernel.isInCode(frame.address)
          #expect(isInCode, "\(round)")
        }
      }
      return snapshot.unreadable.count
    }
    #expect(tally.excesses.isEmpty && cut > 0)
    #expect(tally.whole > 0 && tally.partial > 0 && tally.failed > 0)
  }
}
