import GuestScopeGDBStub

extension HostGuest {
  /// What opens a gdbserver of a guest that has none. A port of 0 is one that is free, which
  /// `guests` shows.
  var wayIn: String {
    let line = "gdbserver tcp:127.0.0.1:0"
    return switch control {
    case .libvirt(let domain): "virsh qemu-monitor-command \(domain) --hmp '\(line)' opens one"
    case .qmp(let path): "human-monitor-command '\(line)' through its QMP socket \(path) opens one"
    case .monitor: "\(line) in its monitor opens one"
    case .none: "it has no monitor to open one in; start QEMU with -gdb tcp:127.0.0.1:PORT"
    }
  }
}

extension StubTarget {
  /// As `-c` takes it.
  var userText: String {
    switch self {
    case .tcp("", let port): ":\(port)"
    case .tcp: "\(self)"
    case .unix(let path): "unix:\(path)"
    }
  }
}

extension [HostGuest] {
  /// What `-c` calls one of them: its name, where no other has it.
  func address(of guest: HostGuest) -> String {
    guard let name = guest.name, filter({ $0.name == name }).count == 1 else {
      return "pid:\(guest.pid)"
    }
    return "guest:\(name)"
  }

  /// A line each: what to say, and where its gdbserver is or what opens one.
  var listing: String {
    map { guest in
      "  -c \(address(of: guest))  "
        + (guest.gdbservers.first.map { "gdbserver at \($0.userText)" }
          ?? "no gdbserver: \(guest.wayIn)")
    }.joined(separator: "\n")
  }
}
