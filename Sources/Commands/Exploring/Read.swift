import ArgumentParser
import GuestScopeGuestMemory

/// How much memory `read` and `pread` show, and how.
struct MemoryDumpArguments: ParsableArguments {
  @Argument(help: "Bytes: up to 16 MiB, decimal or with 0x.", transform: ByteCount.init(userText:))
  var length: ByteCount
  @Option(
    name: [.customShort("t"), .customLong("as")],
    help: ArgumentHelp(
      "hex (bytes and text), x8, x4 (words), string (up to the first NUL).", valueName: "format"))
  var format = MemoryDump.Format.hex

  func validate() throws { try format.admit(length) }
}

/// `read`: kernel memory by virtual address.
struct Read: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "read", abstract: "Kernel memory at a virtual address.",
    discussion: """
      Each page is of one instant. Pages that cannot be read are left out, and named on standard \
      error.
      """)

  @Argument(help: AddressExpression.help)
  var address: AddressExpression
  @OptionGroup var dump: MemoryDumpArguments
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static func nextWord(after words: [String]) -> [WordKind] { words.isEmpty ? [.symbol] : [] }

  func answer(in session: Session) throws -> Answer {
    let snapshot = try session.ofThisBoot { kernel in
      let target = try address.resolved(in: kernel)
      return try session.walk(kernel) { walk throws(ReadFault) in
        let start = try target.address(in: walk).rawValue
        return try MemoryDump.read(start, count: dump.length.value, in: walk.view) {
          address, count throws(ReadFault) in
          try walk.view.bytes(at: KernelVirtualAddress(address), count: count)
        }
      }
    }
    return try snapshot.value.answer(dump.format, unreadable: snapshot.unreadable)
  }
}

/// `pread`: memory by physical address; needs no kernel.
struct PRead: GuestCommand {
  static let configuration = CommandConfiguration(
    commandName: "pread", abstract: "Guest memory at a physical address.",
    discussion: """
      Only RAM is read: to read a device register would change the device. Each page is of one \
      instant.
      """)

  @Argument(
    help: ArgumentHelp(
      "A number: decimal, with 0x, or sixteen hexadecimal digits as sym shows them.",
      valueName: "address"))
  var address: AddressExpression
  @OptionGroup var dump: MemoryDumpArguments
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  func validate() throws {
    guard !address.isNamed, address.cpu == nil else {
      throw ValidationError(
        "a physical address must be a number: translate \(address.text) gives that of a symbol or an object"
      )
    }
  }

  func answer(in session: Session) throws -> Answer {
    guard case .number(let base) = address.base else { throw UsageError("not a number") }
    let start = base &+ address.offset
    let snapshot = session.count(
      try session.engine.snapshot { view throws(ReadFault) in
        try MemoryDump.read(start, count: dump.length.value, in: view) {
          address, count throws(ReadFault) in
          try view.bytes(at: PhysicalAddress(address), count: count)
        }
      })
    return try snapshot.value.answer(dump.format, unreadable: snapshot.unreadable)
  }
}
