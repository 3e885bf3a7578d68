import GuestScopeGDBStub
import Testing

/// The stub at a target, as the program connects to it.
///
/// - Parameter notice: is given each notice but that this machine is busy: each answer is a long way off then.
func stub(
  of target: String, _ notice: @escaping (String) -> Void = { _ in }
) throws -> QEMUStub {
  var options = StubOptions()
  options.notice = { if !$0.hasPrefix("the way to ") { notice($0) } }
  return try QEMUStub(try #require(StubTarget(target)), options: options)
}
