import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelStacks

/// Stacks of frame records, as arm64 has them.
@Suite struct FrameRecordTests {
  private static let size = 0x4000
  /// `sizeof(struct pt_regs)`, and where the frame record is in it.
  private static let (registers, record) = (0x150, 0x130)

  private struct Guest {
    let tasks: TaskGuest
    let stack: (virtual: UInt64, physical: [PhysicalAddress])

    init(hasMeta: Bool) {
      tasks = TaskGuest { types in
        types.declare(
          "frame_record", size: 16, [("fp", 0, .u64), ("lr", 8, .u64)])
        if hasMeta {
          types.declare(
            "frame_record_meta", size: 24,
            [("record", 0, .structure("frame_record")), ("type", 16, .u64)])
        }
        types.declare(
          "pt_regs", size: registers,
          [
            ("regs", 0, .words(31)), ("pc", 0x100, .u64),
            ("stackframe", record, .structure(hasMeta ? "frame_record_meta" : "frame_record")),
          ])
      }
      stack = tasks.guest.vmalloc(pages: 4)
      tasks.guest.symbols["_stext"] = 0
      tasks.guest.symbols["_etext"] = 0x4000
      for (name, place) in [("one", 0x100), ("two", 0x200), ("three", 0x300)] as [(String, UInt64)]
      { tasks.guest.symbols[name] = place }
      tasks.finish()
    }

    func write(_ value: UInt64, _ offset: Int) {
      tasks.guest.ram.write(value, at: stack.physical[offset / 4096] + offset % 4096)
    }

    func writeRecord(_ offset: Int, fp: Int, lr: UInt64) {
      write(stack.virtual + UInt64(fp), offset)
      write(lr, offset + 8)
    }

    func code(_ place: UInt64) -> UInt64 { tasks.guest.textBase + place }

    func walk(fp: Int, pc: UInt64) throws -> KernelStack {
      let engine = SnapshotEngine(tasks.guest.memory)
      let kernel = try GuestKernel(try tasks.guest.image(), in: engine)
      let layout = try Arm64StackLayout(kernel)
      let area = try #require(StackArea(.task, from: stack.virtual, size: UInt64(size)))
      return try kernel.snapshot(engine) { walk throws(ReadFault) in
        var stackWalk = StackWalk(
          walk, FrameRecordUnwinder(walk: walk, layout: layout), [area], of: nil)
        let fp = stack.virtual + UInt64(fp)
        return try walk.named(
          try stackWalk.frames(from: UnwindState(pc: pc, sp: fp &- 16, fp: fp)))
      }.value
    }
  }

  private static let last = size - registers + record

  @Test func recordsLeadToTheOneOfTheEntryFromUserMode() throws {
    let guest = Guest(hasMeta: false)
    guest.writeRecord(0x3000, fp: 0x3100, lr: guest.code(0x210))
    guest.writeRecord(0x3100, fp: Self.last, lr: guest.code(0x310))
    let stack = try guest.walk(fp: 0x3000, pc: guest.code(0x110))
    #expect(stack.text == ["one+0x10", "two+0x10", "three+0x10"])
    #expect(stack.end == .outermost && stack.isWhole)
    // Zeros elsewhere are not the end.
    guest.writeRecord(0x3100, fp: 0x3200, lr: guest.code(0x310))
    let astray = try guest.walk(fp: 0x3000, pc: guest.code(0x110))
    #expect("\(astray.end)".contains("a frame record of zeros"), "\(astray.end)")
  }

  @Test func aReturnProbeStandsInThePlaceOfACaller() throws {
    let guest = Guest(hasMeta: false)
    guest.tasks.guest.symbols["return_to_handler"] = 0x200
    guest.tasks.guest.symbols["two"] = nil
    guest.writeRecord(0x3000, fp: 0x3100, lr: guest.code(0x200))
    guest.writeRecord(0x3100, fp: Self.last, lr: guest.code(0x310))
    let stack = try guest.walk(fp: 0x3000, pc: guest.code(0x110))
    #expect(stack.text == ["one+0x10", "return_to_handler+0x0", "three+0x10"])
  }

  /// `two` was interrupted in `one`'s caller's place: its registers are on the stack.
  @Test func aRecordOfZerosMayBeAnException() throws {
    let guest = Guest(hasMeta: true)
    let saved = 0x3100
    guest.writeRecord(0x3000, fp: saved + Self.record, lr: guest.code(0x110))
    guest.write(2, saved + Self.record + 16)
    guest.write(guest.stack.virtual + UInt64(Self.last), saved + 29 * 8)
    guest.write(guest.code(0x310), saved + 30 * 8)
    guest.write(guest.code(0x200), saved + 0x100)
    guest.write(1, Self.last + 16)
    let stack = try guest.walk(fp: 0x3000, pc: guest.code(0x104))
    // The link register may be of an earlier call.
    #expect(stack.text == ["one+0x4", "one+0x10", "two+0x0", "? three+0x10"])
    #expect(stack.end == .outermost && !stack.isWhole)
    guest.write(7, saved + Self.record + 16)
    let damaged = try guest.walk(fp: 0x3000, pc: guest.code(0x104))
    #expect("\(damaged.end)".contains("a frame record of type 7"), "\(damaged.end)")
  }

  /// What the task is at is below its interrupt, and not below an exception.
  @Test(arguments: [("el1h_64_irq", true), ("el1h_64_sync", false)])
  func whatAnInterruptFoundIsKnown(entry: String, isInterrupt: Bool) throws {
    let guest = Guest(hasMeta: true)
    guest.tasks.guest.symbols["one"] = nil
    guest.tasks.guest.symbols["handler"] = 0x80
    guest.tasks.guest.symbols[entry] = 0x100
    let saved = 0x3100
    guest.writeRecord(0x3000, fp: saved + Self.record, lr: guest.code(0x110))
    guest.write(2, saved + Self.record + 16)
    guest.write(guest.stack.virtual + UInt64(Self.last), saved + 29 * 8)
    guest.write(guest.code(0x210), saved + 0x100)
    guest.write(1, Self.last + 16)
    let stack = try guest.walk(fp: 0x3000, pc: guest.code(0x90))
    #expect(stack.text.starts(with: ["handler+0x10", "\(entry)+0x10", "two+0x10"]))
    #expect(stack.interrupted?.function?.name == (isInterrupt ? "two" : nil))
  }

  @Test func recordsThatRunInCirclesEnd() throws {
    let guest = Guest(hasMeta: false)
    guest.writeRecord(0x3000, fp: 0x3100, lr: guest.code(0x210))
    guest.writeRecord(0x3100, fp: 0x3000, lr: guest.code(0x310))
    let stack = try guest.walk(fp: 0x3000, pc: guest.code(0x110))
    #expect("\(stack.end)".contains("leads backwards"), "\(stack.end)")
    #expect(stack.frames.filter(\.isReliable).count == 3)
  }
}
