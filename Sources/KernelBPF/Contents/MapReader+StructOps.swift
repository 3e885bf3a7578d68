import GuestScopeGuestMemory
import GuestScopeLinuxKernel

extension MapReader {
  /// The only entry.
  func structOps() throws(ReadFault) -> [MapEntry] {
    [MapEntry(index: 0, .bytes(try map.structOpsValue().bytes))]
  }
}
