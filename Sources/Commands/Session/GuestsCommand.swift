import ArgumentParser
import GuestScopeGDBStub

/// `guests`: the QEMUs of this host.
struct GuestsCommand: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "guests", abstract: "The guests of this host, and where their gdbservers listen.",
    discussion: """
      Every process of QEMU's system emulator, whoever has started it (libvirt, virtme-ng, a script). \
      Listing them stops no guest: what is shown comes from their command lines and sockets. CONNECT is \
      what -c takes: guest:NAME by QEMU's -name, or pid:N.

      A gdbserver that was opened after the start, in QEMU's monitor, is known by its socket: a port \
      that the command line does not explain, or a unix socket with gdb in its name. The sockets of \
      another user's process cannot be seen, and then the command line alone counts. Of a guest \
      without a gdbserver standard error says how to open one.
      """)

  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func fields(among guests: [HostGuest]) -> [Field<HostGuest>] {
    [
      Field("pid", .number("PID")) { .unsigned(UInt64($0.pid)) },
      Field("name", .text("NAME")) { JSON($0.name) },
      Field("connect", .text("CONNECT")) { .string(guests.address(of: $0)) },
      Field("gdbserver", .text("GDBSERVER")) { JSON($0.gdbservers.first?.userText) },
      Field("program", .text("PROGRAM")) { .string($0.program) },
      Field("kernel", .text("KERNEL")) { JSON($0.kernel) },
      Field("open") { $0.gdbservers.isEmpty ? .string($0.wayIn) : .null },
    ]
  }

  var asksGuest: Bool { false }

  func answer(in session: Session) throws -> Answer {
    let guests = HostGuest.all()
    let fields = Self.fields(among: guests)
    var remarks = guests.filter { $0.gdbservers.isEmpty }.map { "\($0): \($0.wayIn)" }
    if guests.isEmpty { remarks = ["no QEMU runs on this host"] }
    return Answer(
      .array([JSON](guests, fields)), .table(Table(guests, fields)), remarks: remarks)
  }
}
