import ArgumentParser
import Glibc

/// `watch`: a command again and again, and how fast its numbers change.
struct WatchCommand: ShellCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "A command again and again, and how fast its numbers change.",
    usage: "guestscope watch [-n <seconds>] [--count <n>] [--openmetrics <file>] <command> ...",
    discussion: """
      watch prog stats type all
      watch -n 0.1 --count 100 -j map list
      watch --openmetrics /var/lib/node_exporter/guest.prom -n 15 prog list

      Each sample is one answer, from one stop of the guest where the answer fits into one. On a \
      terminal a table is kept up to date: s and r sort it, / filters it, q ends it. Elsewhere, and \
      with -j, each sample is a line of JSON. Ctrl-C ends it as well.
      """)

  @OptionGroup var pace: WatchPace
  @Argument(
    parsing: .allUnrecognized,
    help: ArgumentHelp(
      "What to watch: a command that asks the guest, but not info or report.",
      valueName: "command"))
  var words: [String] = []
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let needsSession = false

  func run(in shell: Shell) throws -> Int32 {
    let (command, form) = try watched(words)
    return Watcher(command, pace, shell, form ?? output.or(shell.output).form, .everything)
      .run()
  }

  /// The command, and the form that it asks for by options of its own.
  private func watched(_ words: [String]) throws -> (any GuestCommand, OutputForm?) {
    guard !words.isEmpty else {
      throw UsageError("watch takes a command to watch, as in watch prog stats")
    }
    guard words.first != "help", let command = try Root.parse(words: words) as? any GuestCommand,
      command.asksGuest, !(command is any RunStateCommand)
    else {
      throw UsageError(
        "watch does not take '\(words.joined(separator: " "))': it takes a command that asks "
          + "the guest, but not info or report, as in watch prog stats")
    }
    return (command, command.output.form == .screen ? nil : command.output.form)
  }
}

/// How often to look, and where to write it for others.
struct WatchPace: ParsableArguments {
  @Option(
    name: .customShort("n"),
    help: ArgumentHelp("Seconds from one sample to the next.", valueName: "s"))
  var seconds = 1.0
  @Option(help: ArgumentHelp("Stop after this number of samples.", valueName: "n"))
  var count: Int?
  @Option(
    help: ArgumentHelp(
      "Also write each sample's numbers as OpenMetrics to this file, which is replaced as a whole; - "
        + "for standard output.", valueName: "file"))
  var openmetrics: String?

  func validate() throws {
    guard seconds >= 0.001, seconds <= 86_400 else {
      throw ValidationError("-n takes seconds, from 0.001 to 86400")
    }
    guard openmetrics != "" else { throw ValidationError("--openmetrics takes the path of a file") }
    guard count ?? 1 >= 1 else {
      throw ValidationError("--count takes a number of samples, from 1 on")
    }
  }
}
