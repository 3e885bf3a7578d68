import ArgumentParser

/// The program's command line, and the table of all its commands: the prompt, scripts, help,
/// completion and docs/commands.md have no other.
public struct Root: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "guestscope",
    abstract: "bpftool for a guest that you cannot log in to.",
    discussion: """
      Reads the BPF programs of a Linux guest, and how often each ran at what cost, from outside: \
      through the gdbserver of its QEMU (qemu -s). Stops the guest for at most --max-pause at a \
      time, mostly for less than a millisecond, and writes nothing to it.

      Without a command it opens a prompt, or, where standard input is no terminal, runs the \
      commands that it reads there, one a line.

      Exit status: 0 answered, 1 could not, 2 answered in part (standard error says what is \
      missing), 64 usage, 128+n ended by signal n. A batch ends at its first failing line with \
      that line's status, or, with --keep-going, after its last with the worst.
      """,
    version: version,
    groupedSubcommands: [
      CommandGroup(name: "Guest", subcommands: [Prog.self, Report.self, Info.self]),
      CommandGroup(
        name: "Exploring",
        subcommands: [
          PrintCommand.self, TypeCommand.self, Sym.self, Read.self, PRead.self, Translate.self,
          Regs.self,
        ]),
      CommandGroup(
        name: "Session",
        subcommands: [Hold.self, Resume.self, Source.self, History.self, Quit.self]),
    ])

  static let version = "0.1.0"

  @OptionGroup var session: SessionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var batch: BatchOptions

  public init() {}
}

/// Where a session's commands come from.
struct BatchOptions: ParsableArguments {
  @Option(
    name: .customShort("e"),
    // A command may begin with an option: -e '-j info'.
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A command; may be repeated. One session serves all.", valueName: "cmd"))
  var commands: [String] = []

  @Option(
    name: .customShort("f"),
    help: ArgumentHelp(
      "A script, - for standard input: a command a line, # begins a comment.", valueName: "file"),
    completion: .file())
  var file: String?

  @Flag(help: "Run a batch on after a line that fails; end with the worst status.")
  var keepGoing = false

  func validate() throws {
    if !commands.isEmpty, file != nil { throw ValidationError("give either -e or -f") }
  }
}

extension Root {
  /// Parses the words of a command line or of a line of a session.
  static func parse(words: [String]) throws -> any ParsableCommand {
    if words.first == "help" { try checkCommand(words) }
    var command: any ParsableCommand
    do { command = try parseAsRoot(apart(words)) } catch {
      try checkCommand(words)
      throw error
    }
    // The parser's own help command, and groups of commands, say their help when they run.
    if !(command is Root || command is any GuestCommand || command is any ShellCommand) {
      try command.run()
    }
    return command
  }

  /// True when `-e` or `-f` stands before a command.
  static func mixesBatch(_ arguments: [String]) -> Bool {
    let own = arguments[..<commandIndex(arguments)]
    return own.contains("-e") || own.contains("-f")
  }

  /// The parser gives an option to the outermost command that has it, wherever it stands: behind a
  /// command `-f` is that one's `--format`.
  private static func apart(_ words: [String]) -> [String] {
    let command = commandIndex(words)
    return words[..<command] + words[command...].map { $0 == "-f" ? "--format" : $0 }
  }

  /// Where the command stands among the words of a line.
  private static func commandIndex(_ words: [String]) -> Int {
    let names = Set(configuration.subcommands.flatMap { $0.names })
    return words.firstIndex { names.contains($0) } ?? words.count
  }
}

extension ParsableCommand {
  /// What this command may be called.
  static var names: [String] { [_commandName] + configuration.aliases }
}
