import ArgumentParser

/// The program's command line, and the table of all its commands: the prompt, scripts, help,
/// completion and docs/commands.md have no other.
public struct Root: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "guestscope",
    abstract: "bpftool for a guest that you cannot log in to.",
    discussion: """
      Reads the BPF programs of a Linux guest, and how often each ran at what cost, from outside: \
      through the gdbserver of its QEMU (qemu -s). Stops the guest mostly for less than a \
      millisecond at a time, and for more than --max-pause only where a single object is too \
      large for that; writes nothing to it.

      Without a command it opens a prompt, or, where standard input or output is no terminal, \
      runs the commands that it reads from standard input, one a line.

      Exit status: 0 answered, 1 could not, or what was asked for is not there, 2 answered in part \
      (standard error says what is missing), 64 usage, 128+n ended by signal n. A batch ends at its \
      first failing line with that line's status, or, with --keep-going, after its last with the \
      worst. With -j or -p a command without an answer prints {"error":"…"} in its place.
      """,
    version: version,
    groupedSubcommands: [
      CommandGroup(
        name: "Guest", subcommands: [Prog.self, MapCommand.self, Report.self, Info.self]),
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
  @OptionGroup var failure: FailureOptions

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

  func validate() throws {
    if !commands.isEmpty, file != nil { throw ValidationError("give either -e or -f") }
  }
}

/// What a line that fails means for those behind it. A group, for so it is the same option before
/// and behind `source`.
struct FailureOptions: ParsableArguments {
  @Flag(help: "Run a batch on after a line that fails; end with the worst status.")
  var keepGoing = false
}

extension Root {
  /// Parses the words of a command line or of a line of a session.
  static func parse(words: [String]) throws -> any ParsableCommand {
    // A path of members may begin with an arrow, which the parser would take for an option.
    let words = words.map { $0.hasPrefix("->") ? "." + $0.dropFirst(2) : $0 }
    if behindOptions(words).first == "help" { try checkCommand(words) }
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

  /// The parser gives an option to the outermost command that has it, wherever it stands: with a
  /// command `-f` is that one's `--format`, or a mistake, as `-e` is.
  private static func apart(_ words: [String]) throws(UsageError) -> [String] {
    let behind = behindOptions(words)
    guard let name = behind.first else { return words }
    lazy var hasFormat = configuration.subcommands.contains {
      $0.names.contains(name) && options(of: $0).contains("--format")
    }
    var apart: [String] = []
    for (index, word) in words.enumerated() {
      guard word != "--" else { return apart + words[index...] }
      guard isBatch(word) else {
        apart.append(word)
        continue
      }
      let letters = word.prefix { $0 != "=" }
      guard behind.indices.contains(index), letters.last == "f",
        letters.count(where: { "ef".contains($0) }) == 1, hasFormat
      else {
        throw UsageError("-e and -f name the commands to run: no other can stand beside them")
      }
      if letters.count > 2 { apart.append(String(letters.dropLast())) }
      apart.append("--format" + word.dropFirst(letters.count))
    }
    return apart
  }

  /// True for `-e`, `-f` and `-f=x`, also behind other letters: `-jf`.
  private static func isBatch(_ word: String) -> Bool {
    guard word.hasPrefix("-"), !word.hasPrefix("--") else { return false }
    let letters = word.dropFirst().prefix { $0 != "=" }
    return letters.contains { "ef".contains($0) } && letters.allSatisfy { "hjpckef".contains($0) }
  }
}

extension ParsableCommand {
  /// What this command may be called.
  static var names: [String] { [_commandName] + configuration.aliases }
}
