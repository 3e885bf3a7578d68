import GuestScopeGuestMemory
import Testing

@testable import Commands
@testable import GuestScopeGDBStub

@Suite struct GuestAddressTests {
  private func guest(
    _ pid: Int32, _ name: String?, _ gdbservers: [StubTarget], control: HostGuest.Control = .none,
    hasOwnNetwork: Bool = false
  ) -> HostGuest {
    HostGuest(
      pid: pid, name: name, program: "qemu-system-x86_64", kernel: nil, gdbservers: gdbservers,
      control: control, hasOwnNetwork: hasOwnNetwork)
  }

  private var guests: [HostGuest] {
    [
      guest(3, "web", [.tcp(host: "", port: 33)]), guest(4, "db", [], control: .libvirt("db")),
      guest(5, "twin", [.unix(path: "/run/t.sock")]), guest(6, "twin", []),
      guest(7, nil, [], control: .qmp("/run/q.sock")),
      guest(8, "boxed", [.tcp(host: "", port: 88)], hasOwnNetwork: true),
    ]
  }

  @Test func whatAUserWrites() throws {
    #expect(try GuestAddress(userText: ":77") == .stub(.tcp(host: "", port: 77)))
    #expect(try GuestAddress(userText: "unix:/x") == .stub(.unix(path: "/x")))
    #expect(try GuestAddress(userText: "guest:a b:1") == .named("a b:1"))
    #expect(try GuestAddress(userText: "pid:17") == .process(17))
    #expect(try GuestAddress(userText: "all") == .all)
    for wrong in ["guest:", "pid:0", "pid:-1", "pid:x", "", "nowhere"] {
      #expect(throws: (any Error).self, "\(wrong)") { try GuestAddress(userText: wrong) }
    }
  }

  @Test func oneOfTheHost() throws {
    #expect(try GuestAddress.named("web").target(among: guests) == .tcp(host: "", port: 33))
    #expect(try GuestAddress.process(5).target(among: guests) == .unix(path: "/run/t.sock"))
    #expect(try GuestAddress.standard.target(among: []) == .qemuDefault)
  }

  @Test(
    arguments: [
      (.named("no"), .absent, ["no guest no", "-c guest:web  gdbserver at :33", "-c pid:7"]),
      (.process(1), .absent, ["no guest with pid 1", "-c pid:5", "-c pid:6"]),
      (.named("twin"), .unreachable, ["2 guests", "-c pid:5", "-c pid:6"]),
      (
        .named("db"), .absent,
        ["guest db (pid 4)", "virsh qemu-monitor-command db --hmp 'gdbserver tcp:127.0.0.1:0'"]
      ),
      (.all, .unreachable, ["more than one guest"]),
      (.process(7), .absent, ["human-monitor-command", "/run/q.sock"]),
      (.named("boxed"), .unreachable, ["nsenter -t 8 -n guestscope -c :88"]),
    ] as [(GuestAddress, GuestMemError.Kind, [String])])
  func guestsThatCannotBeAsked(address: GuestAddress, kind: GuestMemError.Kind, words: [String]) {
    let error = #expect(throws: GuestMemError.self) { try address.target(among: guests) }
    #expect(error?.kind == kind)
    for word in words { #expect(error?.description.contains(word) == true, "\(word)") }
  }

  @Test func aHostWithoutGuests() {
    let error = #expect(throws: GuestMemError.self) {
      try GuestAddress.named("x").target(among: [])
    }
    #expect(error?.description == "there is no guest x: no QEMU runs on this host")
  }

  /// Whoever names no guest is shown which there are.
  @Test func guestsThatCouldBeMeant() {
    let error = GuestMemError(.absent, "nothing listens")
    #expect(error.naming([]).description == "nothing listens")
    let named = error.naming(guests)
    #expect(named.kind == .absent)
    #expect(named.description.contains("\n  -c guest:web  gdbserver at :33\n"))
    #expect(named.description.contains("\n  -c pid:7  no gdbserver: human-monitor-command"))
  }
}
