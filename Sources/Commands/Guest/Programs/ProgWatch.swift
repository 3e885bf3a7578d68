import ArgumentParser

/// `prog watch`: how often each program runs now, and at what cost.
struct ProgWatch: ShellCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch", abstract: "Calls a second, ns a call and CPU share of each program.",
    usage: "guestscope prog watch \(SelectionArguments.usage) [-n <seconds>] [--count <n>]",
    discussion: """
      The rates are of the time from one sample to the next. The kernel counts runs and nanoseconds \
      only while kernel.bpf_stats_enabled is 1 in the guest. Without a selection the programs are \
      those of type struct_ops; type all means all. watch says more on the form of what is printed.
      """)

  @OptionGroup var selected: SelectionArguments
  @OptionGroup var pace: WatchPace
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let needsSession = false

  static func nextWord(after words: [String]) -> [WordKind] { ProgStats.nextWord(after: words) }

  func run(in shell: Shell) throws -> Int32 {
    // With the id it shows when another program has come under the same name.
    let words = ["prog", "stats", "--ids"] + selected.words
    guard let command = try Root.parse(words: words) as? ProgStats else {
      preconditionFailure("prog stats is a command of the table")
    }
    let form = output.or(shell.output).form
    return Watcher(command, pace, shell, form, .programs, by: .key("name")).run()
  }
}
