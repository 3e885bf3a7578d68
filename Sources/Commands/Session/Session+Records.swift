import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// What sessions leave for each other.
extension Session {
  func recalledKernel() throws -> GuestKernel? { nil }
  func forgetRecord() {}
}
