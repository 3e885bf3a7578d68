import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// Finds callers on arm64 by the records of frames, which are linked by the frame pointer:
/// `kunwind_next()` of arch/arm64/kernel/stacktrace.c.
struct FrameRecordUnwinder: Unwinder {
  let walk: Walk
  let layout: Arm64StackLayout

  func caller(
    of state: UnwindState, on memory: StackMemory
  ) throws(ReadFault) -> UnwindState? {
    // Up to 5.11 the outermost record has no other one before it.
    guard state.fp != 0 else { return nil }
    let area = try memory.check(state.fp, count: 16)
    guard state.fp & 7 == 0 else {
      throw .corrupt("a frame pointer that is not aligned", at: KernelVirtualAddress(state.fp))
    }
    let (fp, lr) = (try memory.word(at: state.fp), try memory.word(at: state.fp &+ 8))
    guard fp != 0 || lr != 0 else { return try marked(state, area, on: memory) }
    var next = UnwindState(pc: walk.kernel.withoutPAC(lr), sp: state.fp &+ 16, fp: fp)
    // Up to 6.12 an exception in the kernel leaves a record like that of a call.
    if !layout.hasMeta, let saved = try registers(around: state.fp, on: memory),
      saved.pc == lr, saved.fp == fp
    {
      (next.isInterrupted, next.doubtful) = (true, saved.doubtful)
    }
    return next
  }

  /// The caller's frame record.
  func frame(of caller: UnwindState) -> UInt64 { caller.fp }

  /// A record of zeros: the end, or since 6.13 (commit c2c6b27b5aa1) an exception, which a number
  /// after the record says.
  private func marked(
    _ state: UnwindState, _ area: StackArea, on memory: StackMemory
  ) throws(ReadFault) -> UnwindState? {
    let place = KernelVirtualAddress(state.fp)
    guard layout.hasMeta else {
      guard area.kind == .task, state.fp == layout.outermostRecord(on: area) else {
        throw .corrupt("a frame record of zeros", at: place)
      }
      return nil
    }
    let type = try memory.word(at: state.fp &+ 16)
    switch type {
    // FRAME_META_TYPE_FINAL of arch/arm64/include/asm/stacktrace/frame.h
    case 1 where area.kind == .task && state.fp == layout.outermostRecord(on: area): return nil
    // FRAME_META_TYPE_PT_REGS
    case 2:
      guard let saved = try registers(around: state.fp, on: memory) else { break }
      return saved
    default: break
    }
    throw .corrupt("a frame record of type \(type)", at: place)
  }

  /// The registers that an exception has saved, with a record among them.
  private func registers(
    around record: UInt64, on memory: StackMemory
  ) throws(ReadFault) -> UnwindState? {
    let start = record &- UInt64(layout.record)
    guard memory.area(of: start, count: layout.size) != nil else { return nil }
    let saved = try walk.read(Arm64Registers.self, at: KernelVirtualAddress(start))
    let regs = saved.regs
    guard regs.count > 30 else { return nil }
    return UnwindState(
      pc: saved.pc, sp: start &+ UInt64(layout.size), fp: regs[29], isInterrupted: true,
      doubtful: walk.kernel.withoutPAC(regs[30]))
  }
}

/// What arm64 has where on a stack.
struct Arm64StackLayout: Sendable {
  /// `sizeof(struct pt_regs)`, and where the frame record is in it, in bytes.
  let size, record: Int
  /// A number after the record says what one of zeros means.
  let hasMeta: Bool

  init(_ kernel: GuestKernel) throws(KernelError) {
    do {
      let regs = try kernel.btf.structID("pt_regs", having: ["stackframe"])
      record = try kernel.btf.requiredField("stackframe", of: "pt_regs").offset
      size = kernel.btf.size(of: regs) ?? 0
    } catch {
      throw .btf(error)
    }
    hasMeta = (try? kernel.btf.structID("frame_record_meta")) != nil
  }

  /// In the registers that the entry from user mode has saved, at the start of the stack; a kernel
  /// thread has the same.
  func outermostRecord(on area: StackArea) -> UInt64 {
    area.range.upperBound &- UInt64(size) &+ UInt64(record)
  }
}

extension GuestKernel {
  /// A return address without its pointer authentication code, which is in the bits that all kernel
  /// addresses have set (`ptrauth_strip_kernel_insn_pac()` of arch/arm64).
  func withoutPAC(_ address: UInt64) -> UInt64 {
    address >> 55 & 1 == 1
      ? address | .max << UInt64(addressSpace.tables.format.kernelBits) : address
  }
}
