import Testing

/// All tests on real guests. One after the other: QEMU serves one client at a time.
@Suite(.enabled(if: LiveGuest.root != nil, LiveGuest.absence), .serialized)
enum LiveTests {}
