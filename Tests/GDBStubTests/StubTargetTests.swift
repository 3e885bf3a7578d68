import TestSupport
import Testing

@testable import GuestScopeGDBStub

@Test(arguments: [
  ("127.0.0.1:1234", StubTarget.tcp(host: "127.0.0.1", port: 1234)),
  (":4444", .tcp(host: "", port: 4444)),
  ("4444", .tcp(host: "", port: 4444)),
  ("tcp::4444", .tcp(host: "", port: 4444)),
  ("guest-1.example:65535", .tcp(host: "guest-1.example", port: 65535)),
  ("[::1]:99", .tcp(host: "::1", port: 99)),
  ("unix:/tmp/gdb.sock", .unix(path: "/tmp/gdb.sock")),
])
func targetsAreRead(text: String, target: StubTarget) {
  #expect(StubTarget(text) == target)
}

/// Where the system's tables cannot be read, no port is said to be closed.
@Test func whetherAPortIsOpenMayNotBeKnown() {
  let qemu = FakeQEMU()
  defer { qemu.end() }
  #expect(LocalPeers.isOpen(port: qemu.port) == true)
  #expect(LocalPeers.isOpen(port: qemu.port, tables: ["/proc/net/tcp", "/nowhere"]) == true)
  #expect(LocalPeers.isOpen(port: 1, tables: ["/proc/net/tcp"]) == false)
  #expect(LocalPeers.isOpen(port: qemu.port, tables: ["/nowhere"]) == nil)
  #expect(StubTarget.tcp(host: "example.org", port: 1).isOpen == nil)
}

@Test(arguments: [
  "", "foo", "host:", "host:0", "host:65536", "host:99999", "host:x", "unix:", ":", ":0", "0",
  "65536", "-1", "+80", ":+80", "host:-1", "1234 ", "host:1234x", "12.5", "[::1]", "[::1]99",
])
func wrongTargetsAreRefused(text: String) {
  #expect(StubTarget(text) == nil)
}
