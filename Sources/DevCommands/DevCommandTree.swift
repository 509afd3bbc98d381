import Daemon
package import Flags

/// The commands of the program `spire`.
package enum DevCommandTree {
  package static let tree = CommandTree(
    program: "spire", version: Version.own,
    commands: [
      "dev": DevCommand(),
      "version": VersionCommand(),
    ])
}
