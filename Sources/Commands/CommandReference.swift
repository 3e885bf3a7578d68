import ArgumentParser

extension Root {
  /// What `help` says in a session: a line a command.
  static var commandList: String {
    var list = ""
    for group in configuration.groupedSubcommands {
      list += group.name + "\n"
      for command in group.subcommands {
        let name = command.names.joined(separator: ", ")
        let padding = String(repeating: " ", count: max(1, 12 - name.count))
        list += "  \(name)\(padding)\(command.configuration.abstract)\n"
      }
    }
    return list + """
      help COMMAND says more; -j after a command gives JSON.
      A line may be CMD; CMD, CMD | SHELL COMMAND, CMD > FILE, CMD >> FILE, or !SHELL COMMAND.

      """
  }

  /// docs/commands.md: the help of every command.
  static var reference: String {
    var text = """
      # Commands

      Written by `scripts/docs` from the program's own table of commands; a test fails when the two \
      differ.
      Completion for your shell: `source <(guestscope --generate-completion-script bash)` (or zsh; in
      fish `guestscope --generate-completion-script fish | source`). A package brings it.

      ```
      \(helpMessage(columns: 90))
      ```

      """
    for group in configuration.groupedSubcommands {
      text += "\n## \(group.name)\n"
      for command in group.subcommands { text += reference(of: command, path: []) }
    }
    return text
  }

  private static func reference(of command: ParsableCommand.Type, path: [String]) -> String {
    let path = path + [command._commandName]
    let help = helpMessage(for: command, columns: 90)
    let own = "\n### \(path.joined(separator: " "))\n\n```\n\(help)\n```\n"
    return own + command.configuration.subcommands.map { reference(of: $0, path: path) }.joined()
  }
}
