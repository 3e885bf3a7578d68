/// What a shell runs to complete lines of this program: `--generate-completion-script`. Each asks the
/// program itself for the words, so that none knows a command.
struct CompletionScript {
  let text: String

  /// The parser has an option of this name, whose scripts know commands and options, and nothing of
  /// the guest.
  private static let option = "--generate-completion-script"

  /// Nil where the arguments ask for none.
  ///
  /// - Throws: `UsageError` for a shell without one.
  init?(_ arguments: [String]) throws {
    guard let first = arguments.first, arguments.count <= 2 else { return nil }
    let shell: String
    if first.hasPrefix(Self.option + "="), arguments.count == 1 {
      shell = String(first.dropFirst(Self.option.count + 1))
    } else if first == Self.option {
      let own = environment("SHELL").split(separator: "/").last.map(String.init) ?? ""
      shell = arguments.count == 2 ? arguments[1] : own
    } else {
      return nil
    }
    guard let text = Self.scripts[shell] else {
      throw UsageError(
        "there is completion for bash, zsh and fish"
          + (shell.isEmpty ? ": name one" : ", and none for '\(shell)'"))
    }
    self.text = text
  }

  static let scripts = ["bash": bash, "zsh": zsh, "fish": fish]

  /// In bash a word ends at a colon and at an equals sign, too: what stands before those is in the
  /// line already, and comes off the words.
  private static let bash = #"""
    # Completion of guestscope for bash: the program itself knows the words.

    _guestscope() {
      local line=${COMP_LINE:0:COMP_POINT} before
      local -a found
      mapfile -t found < <("${1/#\~/$HOME}" \#(ShellCompletion.word) "$line" 2>/dev/null)
      COMPREPLY=()
      case ${found[0]-} in
        files) compopt -o default ;;
        stems | words)
          [[ ${found[0]} == words ]] || compopt -o nospace
          before=${line##*[[:space:]]}
          before=${before%"$2"}
          COMPREPLY=("${found[@]:1}")
          COMPREPLY=("${COMPREPLY[@]#"$before"}")
          ;;
      esac
    }

    complete -o nosort -F _guestscope guestscope

    """#

  private static let zsh = #"""
    #compdef guestscope
    # Completion of guestscope for zsh: the program itself knows the words.

    _guestscope() {
      local -a found
      found=("${(@f)$(${(Q)words[1]} \#(ShellCompletion.word) \
        "${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)}")
      local kind=$found[1]
      shift found
      case $kind in
        files) _files ;;
        stems) compadd -S '' -a found ;;
        words) compadd -a found ;;
      esac
    }

    if [[ $funcstack[1] == _guestscope ]]; then
      _guestscope "$@"
    else
      compdef _guestscope guestscope
    fi

    """#

  private static let fish = #"""
    # Completion of guestscope for fish: the program itself knows the words.

    function __guestscope_complete
        set -l line (commandline --cut-at-cursor --current-process | string collect)
        set -l program (commandline --tokenize --cut-at-cursor --current-process)[1]
        set -l found ($program \#(ShellCompletion.word) "$line" 2>/dev/null)
        switch "$found[1]"
            case files
                __fish_complete_path (commandline --current-token)
            case words stems
                printf '%s\n' $found[2..]
        end
    end

    complete --command guestscope --no-files --keep-order --arguments '(__guestscope_complete)'

    """#
}
