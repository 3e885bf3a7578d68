import Foundation
import TestSupport
import Testing

@testable import GuestScopeGDBStub

/// Guests as a folder shows them that is like /proc.
@Suite struct HostGuestTests {
  private let proc: TemporaryFolder

  init() throws { proc = try TemporaryFolder() }

  private func file(_ path: String) throws -> String {
    let file = URL(fileURLWithPath: proc.path(of: path))
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    return file.path
  }

  private func write(_ text: String, _ path: String) throws {
    try text.write(toFile: try file(path), atomically: false, encoding: .utf8)
  }

  private func link(_ path: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(
      atPath: try file(path), withDestinationPath: target)
  }

  /// A process.
  ///
  /// - Parameters:
  ///   - executable: none for a process whose folder is closed to us.
  ///   - sockets: the inodes of its sockets.
  private func add(
    _ pid: Int, _ line: String, executable: String? = "/usr/bin/qemu-system-x86_64",
    sockets: [Int]? = [], tcp: String = "", unix: String = ""
  ) throws {
    try write(line.split(separator: " ").joined(separator: "\0") + "\0", "\(pid)/cmdline")
    if let executable { try link("\(pid)/exe", to: executable) }
    for (number, inode) in (sockets ?? []).enumerated() {
      try link("\(pid)/fd/\(number + 3)", to: "socket:[\(inode)]")
    }
    if sockets != nil { try link("\(pid)/fd/0", to: "/dev/null") }
    let heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
    try write(heading + tcp, "\(pid)/net/tcp")
    try write("Num       RefCount Protocol Flags    Type St Inode Path\n" + unix, "\(pid)/net/unix")
  }

  /// A socket of `/proc/net/tcp` that listens.
  private func listener(_ address: String, inode: Int) -> String {
    "   0: \(address) 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
      + "\(inode) 1 0000000000000000 100 0 0 10 0\n"
  }

  private var guests: [HostGuest] { HostGuest.all(proc: proc.path) }

  @Test func whatACommandLineSays() throws {
    try add(
      12, "qemu-system-x86_64 -name guest=web1,debug-threads=on -kernel /boot/vmlinuz -s",
      sockets: [77], tcp: listener("00000000:04D2", inode: 77))
    try add(30, "qemu-kvm -name db", executable: "/usr/libexec/qemu-kvm")
    try add(31, "bash -c qemu-system-x86_64", executable: "/bin/bash")
    try add(
      9, "/x/ld-linux-x86-64.so.2 --library-path /x /x/qemu-system-aarch64 -L /y --gdb tcp::5555",
      executable: "/x/ld-linux-x86-64.so.2", sockets: nil)
    try write("", "40/cmdline")
    #expect(guests.map(\.pid) == [9, 12, 30])
    #expect(guests.map(\.name) == [nil, "web1", "db"])
    #expect(guests.map(\.program) == ["qemu-system-aarch64", "qemu-system-x86_64", "qemu-kvm"])
    #expect(guests.map(\.kernel) == [nil, "/boot/vmlinuz", nil])
    #expect(
      guests.map(\.gdbservers) == [
        [.tcp(host: "", port: 5555)], [.tcp(host: "", port: 1234)], [],
      ])
  }

  /// The executable of another user's process cannot be seen, nor can its sockets.
  @Test func processOfAnotherUser() throws {
    try add(5, "/usr/bin/qemu-system-x86_64 -gdb tcp::77", executable: nil, sockets: nil)
    try add(6, "grep qemu-system-x86_64", executable: nil, sockets: nil)
    #expect(guests.map(\.pid) == [5])
    #expect(guests.first?.gdbservers == [.tcp(host: "", port: 77)])
  }

  @Test(
    arguments: [
      ("-gdb tcp:127.0.0.1:0", ":33333"), ("-qmp tcp:localhost:4444,server=on", ":33333"),
      // What the command line explains is not a gdbserver.
      ("-qmp tcp:localhost:33333,server=on", nil),
      ("-nic user,hostfwd=tcp::33333-:22", nil), ("-vnc :27433", nil),
      ("-chardev socket,id=g,port=33333,host=::,server=on -gdb chardev:g", ":33333"),
      ("-chardev socket,id=m,port=33333,host=::,server=on -mon chardev=m,mode=control", nil),
      // That one was closed in the monitor, and this one opened.
      ("-gdb tcp::1", ":33333"), ("-gdb none", ":33333"),
    ] as [(String, String?)])
  func socketsThatAreOpen(line: String, found: String?) throws {
    // 0x8235, and a connection to it.
    let tcp =
      listener("0100007F:8235", inode: 7) + listener("0100007F:0050", inode: 8)
      + "   1: 0100007F:8235 0100007F:1111 01 00000000:00000000 00:00000000 00000000 0 0 9 1\n"
    try add(3, "qemu-system-x86_64 " + line, sockets: [7, 9], tcp: tcp)
    #expect(guests.first?.gdbservers == found.flatMap(StubTarget.init).map { [$0] } ?? [])
  }

  @Test func unixSockets() throws {
    let unix = """
      0: 00000002 00000000 00010000 0001 01 50 /run/g.sock
      0: 00000003 00000000 00000000 0001 03 51 /run/h-gdb.sock
      0: 00000002 00000000 00010000 0001 01 52 /run/later-gdb.sock
      0: 00000002 00000000 00010000 0001 01 53 /var/lib/libvirt/qemu/domain-1-a/monitor.sock

      """
    try add(
      3, "qemu-system-x86_64 -gdb unix:/run/g.sock,server=on,wait=off", sockets: [50, 51, 53],
      unix: unix)
    try add(
      4, "qemu-system-x86_64 -chardev socket,id=g,path=/run/g.sock,server=on -gdb chardev:g",
      sockets: [50], unix: unix)
    try add(5, "qemu-system-x86_64 -nodefaults", sockets: [51, 52, 53], unix: unix)
    #expect(
      guests.map(\.gdbservers) == [
        [.unix(path: "/run/g.sock")], [.unix(path: "/run/g.sock")],
        [.unix(path: "/run/later-gdb.sock")],
      ])
  }

  @Test func howAGDBServerIsOpened() throws {
    try add(
      1,
      "qemu-system-x86_64 -name guest=a,debug-threads=on "
        + "-chardev socket,id=charmonitor,fd=25,server=on,wait=off "
        + "-mon chardev=charmonitor,id=monitor,mode=control "
        + "-object secret,file=/var/lib/libvirt/qemu/domain-1-a/master-key.aes")
    try add(2, "qemu-system-x86_64 -qmp unix:/run/a,,b.sock,server=on,wait=off -monitor none")
    try add(3, "qemu-system-x86_64 -mon chardev=m -chardev stdio,id=m")
    try add(4, "qemu-system-x86_64 -nodefaults -monitor none")
    #expect(
      guests.map(\.control) == [
        .libvirt("a"), .qmp("/run/a,b.sock"), .monitor, HostGuest.Control.none,
      ])
  }

  @Test func anotherNetwork() throws {
    try link("self/ns/net", to: "net:[1]")
    try add(3, "qemu-system-x86_64 -s")
    try link("3/ns/net", to: "net:[2]")
    try add(4, "qemu-system-x86_64 -s")
    try link("4/ns/net", to: "net:[1]")
    #expect(guests.map(\.hasOwnNetwork) == [true, false])
  }
}
