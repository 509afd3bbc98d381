import Daemon
package import Flags

/// The commands of the program `spire`.
package enum DevCommandTree {
  package static let tree = CommandTree(
    program: "spire", version: Version.own,
    about: """
      a first SPIFFE identity from one command. It starts a server and an agent of this user's own, registers the \
      user's processes, and shows what they get.
      """, hasHelp: true,
    commands: [
      "dev": DevCommand(),
      "version": VersionCommand(),
    ])
}
