/// `completion bash`, `zsh` and `fish`: prints the script that teaches a shell to complete the program's command lines.
///
/// The scripts know nothing about commands: they ask the program itself, so they never go out of date.
struct CompletionScript: Command {
  enum Shell: String, Sendable, CaseIterable { case bash, zsh, fish }

  let program: String
  let shell: Shell

  var name: String { "completion \(shell.rawValue)" }
  var synopsis: String { "Prints the completion script for \(shell.rawValue)" }

  var details: String {
    """
    The script completes commands, flags, the values of flags that take one of a few words, and file names. It asks \
    the program itself each time, so it does not have to be installed again when the program changes.

    \(once)
    """
  }

  var examples: [CommandExample] {
    switch shell {
    case .bash:
      [
        CommandExample(
          "For all shells to come (with the package bash-completion)",
          "completion bash > ~/.local/share/bash-completion/completions/\(program)")
      ]
    case .zsh:
      [CommandExample("For all shells to come, in a folder of $fpath", "completion zsh > ~/.zfunc/_\(program)")]
    case .fish:
      [CommandExample("For all shells to come", "completion fish > ~/.config/fish/completions/\(program).fish")]
    }
  }

  /// How to load the script into a running shell.
  private var once: String {
    switch shell {
    case .bash, .zsh: "For this shell only: `source <(\(program) completion \(shell.rawValue))`."
    case .fish: "For this shell only: `\(program) completion fish | source`."
    }
  }

  func run(_ options: NoOptions, io: CommandIO) async throws { io.out(text) }

  private var function: String { "_" + program.replacing("-", with: "_") + "_complete" }

  var text: String {
    switch shell {
    case .bash: bash
    case .zsh: zsh
    case .fish: fish
    }
  }

  private var bash: String {
    #"""
    # bash completion for \#(program). Load it with: source <(\#(program) completion bash)
    \#(function)() {
      local line current=${COMP_WORDS[COMP_CWORD]}
      [[ $current == = ]] && current=
      COMPREPLY=()
      while IFS= read -r line; do
        case $line in
          :files) compopt -o filenames 2>/dev/null; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
          :directories) compopt -o filenames 2>/dev/null; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current") ;;
          spiffe://) compopt -o nospace 2>/dev/null; COMPREPLY+=("$line") ;;
          *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
      done < <("${COMP_WORDS[0]}" completion candidates -line "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    }
    complete -F \#(function) \#(program)

    """#
  }

  private var zsh: String {
    #"""
    #compdef \#(program)
    # zsh completion for \#(program). Save it as _\#(program) in a folder of $fpath, or: source <(\#(program) completion zsh)
    \#(function)() {
      local line
      local -a candidates
      for line in "${(@f)$("${(Q)words[1]}" completion candidates -- "${(@Q)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
        case $line in
          '') ;;
          :files) [[ $PREFIX == -*=* ]] && compset -P '*='; _files ;;
          :directories) [[ $PREFIX == -*=* ]] && compset -P '*='; _files -/ ;;
          spiffe://) compadd -S '' -- "$line" ;;
          *$'\t'*) candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
          *) candidates+=("${line//:/\\:}") ;;
        esac
      done
      (( ${#candidates} )) && _describe '\#(program)' candidates
    }
    if [[ ${funcstack[1]-} == _\#(program) ]]; then
      \#(function) "$@"
    else
      compdef \#(function) \#(program)
    fi

    """#
  }

  private var fish: String {
    #"""
    # fish completion for \#(program). Save it as ~/.config/fish/completions/\#(program).fish, or: \#(program) completion fish | source
    function \#(function)
        set -l words (commandline -opc)
        set -l program $words[1]
        set -e words[1]
        set -l current (commandline -ct)
        set -l path (string replace -r -- '^--?[^=]*=' '' $current)
        set -l before (string sub -l (math (string length -- "$current") - (string length -- "$path")) -- "$current")
        for line in ($program completion candidates -- $words "$current" 2>/dev/null)
            switch $line
                case :files
                    for name in (__fish_complete_path "$path")
                        echo "$before$name"
                    end
                case :directories
                    for name in (__fish_complete_directories "$path" '')
                        echo "$before$name"
                    end
                case '*'
                    echo $line
            end
        end
    end
    complete -c \#(program) -f -a '(\#(function))'

    """#
  }
}
