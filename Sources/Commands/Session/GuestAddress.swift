import ArgumentParser
import GuestScopeGDBStub
import GuestScopeGuestMemory

/// Which guest `-c` names.
enum GuestAddress: Hashable {
  case stub(StubTarget)
  /// `guest:NAME`: a guest of this host, by its QEMU's `-name`.
  case named(String)
  /// `pid:N`: by the process of its QEMU.
  case process(Int32)
  /// `all`: each guest of this host.
  case all

  /// Where `qemu -s` listens.
  static let standard = GuestAddress.stub(.qemuDefault)

  /// Reads an address as a user writes it.
  init(userText text: String) throws {
    if text.hasPrefix("guest:"), text != "guest:" {
      self = .named(String(text.dropFirst("guest:".count)))
    } else if text.hasPrefix("pid:"), let pid = Int32(text.dropFirst("pid:".count)), pid > 0 {
      self = .process(pid)
    } else if text == "all" {
      self = .all
    } else if let target = StubTarget(text) {
      self = .stub(target)
    } else {
      throw ValidationError(
        "'\(text)' is not the address of a guest: a gdbserver is HOST:PORT, :PORT or PORT, with a port "
          + "from 1 to 65535, or unix:PATH; a guest of this host is guest:NAME or pid:N (guestscope guests "
          + "lists them), and all is each of them"
      )
    }
  }

  /// The gdbserver of this guest. Looking for it stops no guest.
  ///
  /// - Parameter guests: those of this host.
  func target(
    among guests: @autoclosure () -> [HostGuest] = HostGuest.all()
  ) throws(GuestMemError) -> StubTarget {
    if case .stub(let target) = self { return target }
    guard self != .all else {
      throw GuestMemError(.unreachable, "-c all is more than one guest: name one with -c")
    }
    let guests = guests()
    let found = guests.filter { guest in
      switch self {
      case .stub, .all: false
      case .named(let name): guest.name == name
      case .process(let pid): guest.pid == pid
      }
    }
    guard let guest = found.first else {
      throw GuestMemError(
        .absent,
        guests.isEmpty
          ? "there is no \(self): no QEMU runs on this host"
          : "there is no \(self); the guests of this host are:\n" + guests.listing)
    }
    guard found.count == 1 else {
      throw GuestMemError(
        .unreachable,
        "\(found.count) guests of this host are called \(self); name one by its process:\n"
          + found.listing)
    }
    guard let target = guest.gdbservers.first else {
      throw GuestMemError(.absent, "\(guest) has no gdbserver that can be seen: \(guest.wayIn)")
    }
    if case .tcp(_, let port) = target, guest.hasOwnNetwork {
      throw GuestMemError(
        .unreachable,
        "\(guest) listens in a network namespace of its own: run, as root, nsenter -t \(guest.pid) -n "
          + "guestscope -c :\(port)")
    }
    return target
  }
}

extension GuestAddress: CustomStringConvertible {
  var description: String {
    switch self {
    case .stub(let target): "\(target)"
    case .named(let name): "guest \(name)"
    case .process(let pid): "guest with pid \(pid)"
    case .all: "all guests"
    }
  }
}
