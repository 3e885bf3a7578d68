import ArgumentParser

/// `prog`: everything about BPF programs.
struct Prog: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prog", abstract: "BPF programs: list, verifier, stats.",
    subcommands: [ProgList.self, ProgVerifier.self, ProgStats.self],
    defaultSubcommand: ProgList.self)
}
