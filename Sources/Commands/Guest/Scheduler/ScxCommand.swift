import ArgumentParser

/// `scx`: everything about sched_ext.
struct ScxCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scx",
    abstract: "sched_ext, schedulers of BPF: show, exit, dump.",
    subcommands: [ScxShow.self, ScxExitCommand.self, ScxDumpCommand.self],
    defaultSubcommand: ScxShow.self)
}
