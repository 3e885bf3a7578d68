import ArgumentParser

/// The program's command line, and the table of all its commands: the prompt, scripts, help,
/// completion and docs/commands.md have no other.
struct Root: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guestscope",
    abstract: "bpftool for a guest that you cannot log in to.",
    discussion: """
      Reads the BPF programs of a Linux guest, and how often each ran at what cost, from outside: \
      through the gdbserver of its QEMU (qemu -s). As a rule it stops the guest for less than a \
      millisecond at a time, and for more than --max-pause only where a single object is too \
      large for that, or where to stop it takes most of that. It writes nothing to it.

      Without a command it opens a prompt, or, where standard input or output is not a terminal, \
      runs the commands that it reads from standard input, one a line.

      A line, also of a script or -e, may have several commands with ; between them. CMD > FILE and \
      CMD >> FILE write an answer to a file, CMD | COMMAND gives it to a command of /bin/sh, and \
      !COMMAND is one of /bin/sh alone; the rest of the line belongs to it. Quote or escape these \
      signs to pass them to a command. At the prompt a long answer is shown by $PAGER, or less if that is not set; \
      an empty PAGER, or cat, turns it off.

      -c all gives a command, a batch or watch to every guest of this host at once, a process each, and \
      makes one answer: one heading per guest, or with -j an object whose members are named after the \
      guests, and of watch lines with a member "guest". A guest that cannot be asked is named, and does \
      not delay the others; the exit status is the worst. report --dir and watch --openmetrics write \
      one folder, or one file, per guest.

      Environment: GUESTSCOPE_CONNECT and GUESTSCOPE_KERNEL stand for -c and -k where these are \
      missing; GUESTSCOPE_OPTIONS has options that all commands have, which stand before those of the \
      command line. NO_COLOR, PAGER and COLUMNS are heeded.

      Exit status: 0 answered, 1 could not, or what was asked for is not there, 2 answered in part \
      (standard error says what is missing), 3 a check is broken or, where diff is asked for it, something \
      differs, 4 a check cannot be measured, 64 usage, 128+n ended by signal n. A batch ends at its \
      first failing line with that line's status, or, with --keep-going, after its last with the \
      worst. With -j or -p a command without an answer prints {"error":"…"} in its place.
      """,
    version: version,
    groupedSubcommands: [
      CommandGroup(
        name: "Guest",
        subcommands: [
          Prog.self, MapCommand.self, LinkCommand.self, BTFCommand.self, StructOpsCommand.self,
          VarCommand.self, CgroupCommand.self, NetCommand.self, PerfCommand.self,
          TaskCommand.self, ScxCommand.self, RunQueueCommand.self, ModuleCommand.self, Dmesg.self,
          Report.self, Info.self,
        ]),
      CommandGroup(
        name: "Watching and judging",
        subcommands: [WatchCommand.self, DiffCommand.self, CheckCommand.self]),
      CommandGroup(
        name: "Exploring",
        subcommands: [
          PrintCommand.self, TypeCommand.self, Sym.self, Read.self, PRead.self, Translate.self,
          Regs.self,
        ]),
      CommandGroup(
        name: "Session",
        subcommands: [
          GuestsCommand.self, Hold.self, Resume.self, Source.self, CacheCommand.self, History.self,
          Quit.self,
        ]),
    ])

  static let version = "0.1.0"
  /// The day of this version, for its manual page.
  static let released = "2026-11-27"

  @OptionGroup var session: SessionOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var failure: FailureOptions

  init() {}
}

extension Root {
  /// Parses the words of a command line or of a line of a session.
  static func parse(words: [String]) throws -> any ParsableCommand {
    let words = CommandWords.parseable(words)
    let command: any ParsableCommand
    do { command = try parseAsRoot(words) } catch {
      try CommandWords(words).check()
      throw error
    }
    switch command {
    case is Root: break
    case let command as any SessionCommand:
      guard command.session.batch.isEmpty else {
        throw UsageError("-e and -f already name the commands to run: remove the other command")
      }
    default:
      // The parser's own help command, which answers a word that names no command with the help of
      // everything.
      try CommandWords(words).check()
      var help = command
      try help.run()
    }
    return command
  }
}

extension ParsableCommand {
  /// What this command may be called.
  static var names: [String] { [_commandName] + configuration.aliases }
}
