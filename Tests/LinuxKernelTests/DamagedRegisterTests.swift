import GuestScopeGuestMemory
import GuestScopeLinuxKernel
import TestSupport
import Testing

/// Registers that no CPU has: a stub lies, or its words were changed on their way.
@Suite struct DamagedRegisterTests {
  private func damaged(_ value: UInt64, _ random: inout SplitMix) -> UInt64 {
    switch Int.random(in: 0..<7, using: &random) {
    case 0: return value & (1 << UInt64.random(in: 0..<64, using: &random) - 1)
    case 1: return value << UInt64.random(in: 0..<64, using: &random)
    case 2: return value ^ 1 << UInt64.random(in: 0..<64, using: &random)
    case 3: return .max &- UInt64.random(in: 0..<1 << 20, using: &random)
    case 4: return UInt64.random(in: 0..<1 << 20, using: &random)
    case 5: return .random(in: 0 ... .max, using: &random)
    default: return value
    }
  }

  /// With the kernel's file, and with nothing but the guest's memory.
  @Test(arguments: [false, true], [false, true])
  func theKernelIsFoundOrThereIsAReason(isFiveLevel: Bool, hasFile: Bool) throws {
    let guest = SyntheticGuest(isFiveLevel: isFiveLevel)
    let facts: any KernelFactsSource = hasFile ? try guest.image() : MemoryFacts(.x86)
    let good = guest.registers
    var random = SplitMix(state: isFiveLevel ? 5 : 4)
    var (found, failed) = (0, 0)
    for _ in 0..<1000 {
      guest.registers = good.mapValues { value in
        Bool.random(using: &random) ? value : damaged(value, &random)
      }
      let engine = SnapshotEngine(ScriptedMemory(guest.memory))
      do {
        _ = try GuestKernel(facts, in: engine)
        found += 1
      } catch { failed += 1 }
    }
    #expect(failed > 100 && (found > 100 || !hasFile), "\(found) \(failed)")
  }
}
