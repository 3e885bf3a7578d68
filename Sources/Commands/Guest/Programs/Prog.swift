import ArgumentParser

/// `prog`: everything about BPF programs.
struct Prog: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prog", abstract: "BPF programs: list, verifier, stats, watch, dump.",
    subcommands: [ProgList.self, ProgVerifier.self, ProgStats.self, ProgWatch.self, ProgDump.self],
    defaultSubcommand: ProgList.self)
}
