import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport

@testable import GuestScopeKernelStacks

/// An x86-64 guest with ORC tables, whose tasks have stacks that are written by hand.
final class StackGuest {
  /// How registers are numbered in the tables.
  struct Numbers {
    var sp, bp, previousSP, spIndirect: UInt8
    static let first = Numbers(sp: 5, bp: 4, previousSP: 1, spIndirect: 9)
    static let byRegister = Numbers(sp: 3, bp: 4, previousSP: 8, spIndirect: 9)
  }

  /// Where functions are in the text, in bytes.
  static let schedule: UInt64 = 0x100
  static let framed: UInt64 = 0x200
  static let plain: UInt64 = 0x300
  static let entry: UInt64 = 0x400
  static let interrupt: UInt64 = 0x500
  static let onInterruptStack: UInt64 = 0x600
  static let stackSize = 0x4000

  let tasks: TaskGuest
  var guest: SyntheticGuest { tasks.guest }
  private let numbers: Numbers
  private var rows: [(start: UInt64, entry: [UInt8])] = []
  /// The stacks of tasks, and of the first CPU's interrupts: their addresses and pages.
  private(set) var stacks: [UInt32: (virtual: UInt64, physical: [PhysicalAddress])] = [:]
  let interrupts: (virtual: UInt64, physical: [PhysicalAddress])

  /// - Parameter interruptTop: where the pointer to the interrupt stack leads, in bytes from its end.
  init(_ numbers: Numbers = .first, interruptTop: UInt64 = 8) {
    self.numbers = numbers
    tasks = TaskGuest { types in
      types.declare(
        "orc_entry", size: 6,
        [
          ("sp_offset", 0, .u16), ("bp_offset", 2, .u16), ("sp_reg", 4, .bits(0, count: 4)),
          ("bp_reg", 4, .bits(4, count: 4)), ("type", 4, .bits(8, count: 3)),
          ("signal", 4, .bit(11)),
        ])
      types.declare(
        "inactive_task_frame", size: 56, [("bp", 40, .u64), ("ret_addr", 48, .u64)])
      types.declare(
        "pt_regs", size: 168,
        [
          ("r13", 16, .u64), ("bp", 32, .u64), ("r10", 56, .u64), ("ax", 80, .u64),
          ("dx", 96, .u64), ("di", 112, .u64), ("ip", 128, .u64), ("cs", 136, .u64),
          ("sp", 152, .u64),
        ])
      types.declare("irq_stack", size: StackGuest.stackSize, [("stack", 0, .bytes(0x4000))])
    }
    interrupts = tasks.guest.vmalloc(pages: 4)
    let guest = tasks.guest
    guest.symbols["_stext"] = 0
    guest.symbols["_etext"] = 0x4000
    for (name, place) in [
      ("schedule", Self.schedule), ("framed", Self.framed), ("plain", Self.plain),
      ("entry", Self.entry), ("interrupt", Self.interrupt), ("handler", Self.onInterruptStack),
    ] { guest.symbols[name] = place }
    let data = guest.dataOffset
    guest.symbols["__start_orc_unwind_ip"] = data + 0x2000
    guest.symbols["__start_orc_unwind"] = data + 0x2400
    guest.symbols["orc_lookup"] = data + 0x2800
    guest.symbols["orc_lookup_end"] = data + 0x2800 + 65 * 4
    guest.symbols["__start_init_task"] = data + 0x4000
    guest.symbols["__end_init_task"] = data + 0x8000
    let (pointer, copies) = guest.perCPU(8)
    guest.symbols["hardirq_stack_ptr"] = pointer &- guest.textBase
    guest.ram.write(
      interrupts.virtual + UInt64(Self.stackSize) - interruptTop, at: copies[0])
    describeFunctions()
    writeTables()
  }

  // MARK: The tables

  private enum Kind: UInt16 {
    case undefined, outermost, call, registers, interruptFrame
  }

  private func row(
    _ start: UInt64, _ kind: Kind, sp: UInt8 = 0, _ spOffset: Int16 = 0, bp: UInt8 = 0,
    _ bpOffset: Int16 = 0, isSignal: Bool = false
  ) {
    var entry: [UInt8] = []
    entry.append(littleEndian: UInt16(bitPattern: spOffset))
    entry.append(littleEndian: UInt16(bitPattern: bpOffset))
    entry.append(
      littleEndian: UInt16(sp) | UInt16(bp) << 4 | kind.rawValue << 8 | (isSignal ? 1 << 11 : 0))
    rows.append((start, entry))
  }

  private func describeFunctions() {
    row(0, .undefined)
    row(Self.schedule, .call, sp: numbers.sp, 8)
    row(Self.schedule + 1, .call, sp: numbers.sp, 0x18)
    row(Self.framed, .call, sp: numbers.sp, 8)
    row(Self.framed + 4, .call, sp: numbers.bp, 16, bp: numbers.previousSP, -16)
    row(Self.plain, .call, sp: numbers.sp, 8)
    row(Self.plain + 4, .call, sp: numbers.sp, 0x28)
    row(Self.entry, .registers, sp: numbers.sp, 0, isSignal: true)
    row(Self.interrupt, .registers, sp: numbers.sp, 0, isSignal: true)
    row(Self.onInterruptStack, .call, sp: numbers.spIndirect, 8)
    row(Self.onInterruptStack + 0x80, .outermost)
  }

  private func writeTables() {
    let (ram, base) = (guest.ram, guest.textBase)
    for (index, row) in rows.enumerated() {
      let place = base + guest.symbols["__start_orc_unwind_ip"]! + UInt64(4 * index)
      ram.write(
        UInt32(truncatingIfNeeded: base + row.start &- place),
        at: guest.place("__start_orc_unwind_ip") + 4 * index)
      ram.write(row.entry, at: guest.place("__start_orc_unwind") + 6 * index)
    }
    guest.symbols["__stop_orc_unwind_ip"] =
      guest.symbols["__start_orc_unwind_ip"]! + UInt64(4 * rows.count)
    for block in 0..<65 {
      let start = UInt64(256 * block)
      let last = rows.lastIndex { $0.start <= start } ?? 0
      ram.write(UInt32(last), at: guest.place("orc_lookup") + 4 * block)
    }
  }

  // MARK: Stacks

  /// - Parameter offset: bytes from the start of the stack.
  func write(
    _ value: UInt64, on stack: (virtual: UInt64, physical: [PhysicalAddress]), _ offset: Int
  ) {
    guest.ram.write(value, at: stack.physical[offset / 4096] + offset % 4096)
  }

  func code(_ place: UInt64) -> UInt64 { guest.textBase + place }

  /// Where a function that `framed` has called finds its caller's frame, from the start of the stack.
  static let bottom = stackSize - 168

  /// A task that was in a system call: `entry` called `plain`, that one `framed`, which called
  /// another function. Writes the frames of the three.
  ///
  /// - Returns: bytes from the start of the stack to the return address into `framed`.
  @discardableResult
  func addTask(_ pid: UInt32, isRunning: Bool = false) -> Int {
    let task = tasks.add(pid, "task\(pid)")
    let stack = guest.vmalloc(pages: 4)
    stacks[pid] = stack
    guest.ram.write(stack.virtual, at: task + 256)
    guest.ram.write(isRunning ? 1 : 0 as UInt32, at: task + 264)
    let top = Self.bottom
    write(0x7fff_1234, on: stack, top + 128)
    write(0x33, on: stack, top + 136)
    write(code(Self.entry + 0x10), on: stack, top - 8)
    write(code(Self.plain + 0x10), on: stack, top - 0x30)
    // The frame pointer of `plain` is not in use.
    write(0x1111, on: stack, top - 0x38)
    let frame = top - 0x38
    write(code(Self.framed + 0x10), on: stack, frame - 0x18)
    guard !isRunning else { return frame - 0x18 }
    // `schedule` has 16 bytes of its own, and then comes what switching tasks leaves.
    let own = frame - 0x18 - 0x10
    write(code(Self.schedule + 0x20), on: stack, own - 8)
    write(stack.virtual + UInt64(frame), on: stack, own - 16)
    guest.ram.write(stack.virtual + UInt64(own - 56), at: task + 296)
    return frame - 0x18
  }

  // MARK: Reading

  func kernel(_ engine: SnapshotEngine) throws -> GuestKernel {
    try GuestKernel(try guest.image(), in: engine)
  }

  func stacks(of pids: Set<UInt64>? = nil) throws -> [KernelStack] {
    let engine = SnapshotEngine(guest.memory)
    let kernel = try kernel(engine)
    let stacks = try KernelStacks(kernel)
    let snapshot = try kernel.snapshot(engine, waveLimit: KernelStacks.waveLimit) {
      walk throws(ReadFault) in
      try stacks.stacks(of: pids, in: walk)
    }
    return snapshot.value.map(\.stack)
  }

  func cpuStack() throws -> CPUStack? {
    let engine = SnapshotEngine(guest.memory)
    let kernel = try kernel(engine)
    let stacks = try KernelStacks(kernel)
    let registers = KernelStacks.registers(of: 0, in: kernel)
    let guess = try engine.sample([], registers: registers).registers
    return try kernel.snapshot(engine, registers: registers) { walk throws(ReadFault) in
      try stacks.stacks(ofVCPUs: [0], guess: guess, in: walk)
    }.value.first
  }
}

extension KernelStack {
  /// `schedule+0x20`, with what is special about a frame before it.
  var text: [String] {
    frames.map { frame in
      (frame.isReliable ? "" : "? ") + (frame.area == .interrupt ? "<IRQ> " : "")
        + (frame.function.map { "\($0.name)+0x\(String($0.offset, radix: 16))" } ?? "-")
    }
  }
}
