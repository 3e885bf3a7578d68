import ArgumentParser

/// The program's command line, and the table of all its commands.
public struct Root: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "guestscope",
    abstract: "bpftool for a guest that you cannot log in to.",
    discussion: """
      Reads the BPF programs of a Linux guest, and how often each ran at what cost, from outside: \
      through the gdbserver of its QEMU (qemu -s). Stops the guest for less than a millisecond \
      at a time and writes nothing to it.

      Exit status: 0 answered, 1 could not, 2 answered in part (standard error says what is \
      missing), 64 usage, 128+n ended by signal n.
      """,
    version: "0.1.0",
    subcommands: [Prog.self, Info.self])

  @OptionGroup var session: SessionOptions
  @OptionGroup var output: OutputOptions

  @Option(
    name: .customShort("e"),
    help: ArgumentHelp("A command; may be repeated. One session serves all.", valueName: "cmd"))
  var commands: [String] = []

  public init() {}
}
