import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

@testable import GuestScopeKernelStacks

/// The shadow stack of the function graph tracer, in both of its forms.
@Suite struct WatchedReturnTests {
  private static let trampoline: UInt64 = 0x400

  /// The address that is found for a frame.
  ///
  /// - Parameters:
  ///   - last: `curr_ret_stack`.
  ///   - words: of the shadow stack; 1 stands for the address of the trampoline.
  ///   - varies: frames have room for tracers, as since 6.11.
  ///   - start: of the shadow stack, where that is damaged.
  private func address(
    of frame: UInt64, last: Int32, _ words: [UInt64], varies: Bool = false, start: UInt64? = nil
  ) throws -> UInt64? {
    var types = KernelTypes.kernel(.linux6)
    types.declare(
      "task_struct", size: 64, [("ret_stack", 0, .pointer), ("curr_ret_stack", 8, .u32)])
    types.declare("ftrace_ret_stack", size: 32, [("ret", 0, .u64), ("retp", 24, .pointer)])
    types.declare(
      "fgraph_ops", size: 16, [varies ? ("idx", 0, .u32) : ("entryfunc", 0, .pointer)])
    let guest = SyntheticGuest(types)
    guest.symbols["return_to_handler"] = Self.trampoline
    let task = guest.ram.allocate(0x3000, alignment: 4096)
    guest.ram.write(start ?? guest.direct(task) + 0x1000, at: task)
    guest.ram.write(UInt32(bitPattern: last), at: task + 8)
    for (index, word) in words.enumerated() {
      let value = word == 1 ? guest.textBase + Self.trampoline : word
      guest.ram.write(value, at: task + 0x1000 + 8 * index)
    }
    let engine = SnapshotEngine(guest.memory)
    let kernel = try GuestKernel(try guest.image(), in: engine)
    let trampolines = try #require(kernel.returnTrampolines)
    let place = KernelVirtualAddress(guest.direct(task))
    return try kernel.snapshot(engine) { walk throws(ReadFault) in
      try WatchedReturns(of: place, trampolines, in: walk).address(of: frame)
    }.value
  }

  /// Frames at 0xa0 and 0xb0, the second of which was entered last.
  private static let fixed: [UInt64] = [0x11, 0, 0, 0xa0, 0x22, 0, 0, 0xb0]
  /// The same, with a word of a tracer in the second frame.
  private static let varying: [UInt64] = [0x11, 0, 0, 0xa0, 4, 0x22, 0, 0, 0xb0, 7, 5]

  @Test func framesAreFoundByTheirNumber() throws {
    #expect(try address(of: 0xa0, last: 1, Self.fixed) == 0x11)
    #expect(try address(of: 0xb0, last: 1, Self.fixed) == 0x22)
    #expect(try address(of: 0xa0, last: 11, Self.varying, varies: true) == 0x11)
    #expect(try address(of: 0xb0, last: 11, Self.varying, varies: true) == 0x22)
    #expect(try address(of: 0xc0, last: 1, Self.fixed) == nil)
  }

  /// What was left stays in memory.
  @Test func framesThatWereLeftDoNotCount() throws {
    #expect(try address(of: 0xb0, last: 0, Self.fixed) == nil)
    #expect(try address(of: 0xb0, last: 5, Self.varying, varies: true) == nil)
    #expect(try address(of: 0xa0, last: -1, Self.fixed) == nil)
    #expect(try address(of: 0xa0, last: 0, Self.varying, varies: true) == nil)
  }

  /// Two watch one function: the one that came second returns to the first.
  @Test func aTrampolineIsNotTheCaller() throws {
    #expect(try address(of: 0xa0, last: 1, [0x11, 0, 0, 0xa0, 1, 0, 0, 0xa0]) == 0x11)
    #expect(try address(of: 0xa0, last: 0, [1, 0, 0, 0xa0]) == nil)
  }

  @Test(arguments: [-5, Int32.min, 512, Int32.max], [false, true])
  func aDamagedNumberOfFramesIsNone(last: Int32, varies: Bool) throws {
    #expect(try address(of: 0xa0, last: last, Self.fixed, varies: varies) == nil)
  }

  @Test(arguments: [0, 1, 0xffff_8000_dead_0000, UInt64.max - 15], [false, true])
  func aDamagedShadowStackIsNone(start: UInt64, varies: Bool) throws {
    #expect(
      try address(of: 0xa0, last: 4, Self.fixed, varies: varies, start: start) == nil)
  }

  /// The distance to the start of a frame leads beyond the stack, or nowhere.
  @Test(arguments: [0, 3, 11, 0x3ff])
  func aDamagedDistanceEndsTheWalk(distance: UInt64) throws {
    let words = Self.varying.dropLast() + [distance]
    #expect(try address(of: 0xa0, last: 11, Array(words), varies: true) == nil)
  }
}
