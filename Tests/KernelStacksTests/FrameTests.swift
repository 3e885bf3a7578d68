import Testing

@testable import GuestScopeKernelStacks

/// Frames and what is made of them.
@Suite struct FrameTests {
  @Test func aStackWithAGuessOrACutIsNotWhole() {
    let frame = KernelStack.Frame(address: 1, area: .task)
    var guess = frame
    guess.isReliable = false
    #expect(KernelStack([frame], .outermost).isWhole)
    #expect(KernelStack([], .none("it runs")).isWhole)
    #expect(!KernelStack([frame, guess], .outermost).isWhole)
    #expect(!KernelStack([frame], .cut("it is damaged")).isWhole)
  }
}
