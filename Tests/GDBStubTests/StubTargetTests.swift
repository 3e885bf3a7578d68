import GDBStub
import Testing

@Test(arguments: [
  ("127.0.0.1:1234", StubTarget.tcp(host: "127.0.0.1", port: 1234)),
  (":4444", .tcp(host: "", port: 4444)),
  ("[::1]:99", .tcp(host: "::1", port: 99)),
  ("unix:/tmp/gdb.sock", .unix(path: "/tmp/gdb.sock")),
])
func targetsAreRead(text: String, target: StubTarget) {
  #expect(StubTarget(text) == target)
}

@Test(arguments: ["", "1234", "host:", "host:0", "host:65536", "host:x", "unix:"])
func wrongTargetsAreRefused(text: String) {
  #expect(StubTarget(text) == nil)
}
