import Glibc
import TestSupport
import Testing

@testable import GuestScopeGDBStub

@Suite(.enabled(if: SocketDiagnostics.hasPeer(port: 1) != nil, "the kernel has no sock_diag"))
struct SocketDiagnosticsTests {
  @Test func aListeningPortHasAPeerOnceSomebodyHasConnected() throws {
    let qemu = FakeQEMU(version: "7.2.22")
    defer { qemu.end() }
    #expect(SocketDiagnostics.hasPeer(port: qemu.port) == false)
    let client = try connectedSocket(to: qemu.port)
    #expect(SocketDiagnostics.hasPeer(port: qemu.port) == true)
    close(client)
    #expect(qemu.waitForEnd(ofClients: 1))
    #expect(SocketDiagnostics.hasPeer(port: qemu.port) == false)
  }

  @Test func bothFamiliesAreLookedAt() throws {
    let listener = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_addr = in6addr_loopback
    var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let status = unsafe withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, size) == 0 && getsockname(listener, address, &size) == 0
      }
    }
    // This machine may be without IPv6.
    guard status else { return }
    listen(listener, 1)
    let port = UInt16(bigEndian: address.sin6_port)
    #expect(SocketDiagnostics.hasPeer(port: port) == false)
    let client = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(client) }
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(client, $0, size) == 0 }
    }
    #expect(connected)
    #expect(SocketDiagnostics.hasPeer(port: port) == true)
  }
}
