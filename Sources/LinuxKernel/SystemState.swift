import GuestScopeGuestMemory

/// How far a kernel has come: `system_state` of init/main.c.
public struct SystemState: Hashable, Sendable {
  /// The kernel's own word: `SYSTEM_SCHEDULING`.
  public var name: String
  /// It has not started the first process yet, or is still about to give up the memory of its own boot.
  public var isBooting: Bool
}

extension Walk {
  /// Nil for a kernel that does not show it.
  public func systemState() throws(ReadFault) -> SystemState? {
    guard let address = kernel.symbols.address(of: "system_state") else { return nil }
    let number: UInt32
    do throws(ReadFault) {
      number = try view.u32(at: KernelVirtualAddress(address))
    } catch .unreadable {
      return nil
    }
    let words = kernel.words(of: "system_states", prefix: "SYSTEM_")
    guard let word = words[number], let running = words.number(of: "running") else { return nil }
    return SystemState(name: "SYSTEM_" + word.uppercased(), isBooting: number < running)
  }
}
