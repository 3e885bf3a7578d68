import CGuestScopeXXHash
import GuestScopeBytes

extension SharedBytes {
  /// XXH64 of the bytes: against accidents, not against intent. It reads some gigabytes a second.
  var checksum: UInt64 {
    withSpan(of: 0..<count) { span in
      unsafe span.withUnsafeBytes { unsafe XXH64($0.baseAddress, $0.count, 0) }
    }
  }
}
