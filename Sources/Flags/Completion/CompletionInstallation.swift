import FoundationEssentials

/// `-autocomplete-install` and `-autocomplete-uninstall`, which upstream's programs accept: the completion scripts in
/// the folders where bash and fish of this user look for them. Files of the user's own are left alone.
struct CompletionInstallation {
  let program: String
  let environment: [String: String]

  /// - Returns: what was done, a line each.
  func install() throws -> [String] {
    var lines: [String] = []
    for (shell, path) in try files() {
      let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data(CompletionScript(program: program, shell: shell).text.utf8).write(to: URL(filePath: path))
      lines.append("\(shell.rawValue): wrote \(path)")
    }
    lines.append("zsh: run `\(program) completion zsh > _\(program)` in a folder of $fpath")
    return lines
  }

  func uninstall() throws -> [String] {
    try files().compactMap { _, path in
      guard FileManager.default.fileExists(atPath: path) else { return nil }
      try FileManager.default.removeItem(atPath: path)
      return "removed \(path)"
    }
  }

  private func files() throws -> [(CompletionScript.Shell, String)] {
    guard let home = environment["HOME"], home.hasPrefix("/") else {
      throw CommandFailure("the variable HOME does not name this user's folder")
    }
    let data = folder("XDG_DATA_HOME", home + "/.local/share")
    let configuration = folder("XDG_CONFIG_HOME", home + "/.config")
    return [
      (.bash, "\(data)/bash-completion/completions/\(program)"),
      (.fish, "\(configuration)/fish/completions/\(program).fish"),
    ]
  }

  private func folder(_ variable: String, _ fallback: String) -> String {
    guard let value = environment[variable], value.hasPrefix("/") else { return fallback }
    return value
  }
}
