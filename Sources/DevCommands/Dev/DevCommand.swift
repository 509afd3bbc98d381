package import Flags

/// `spire dev`: a server and an agent of this user's own, and the first SVIDs, from one command.
package struct DevCommand: Command {
  package struct Options: CommandOptions {
    package var directory = DevLayout.defaultDirectory
    package var trustDomain = "example.org"
    package var audience = "spire-dev"
    package var once = false

    package init() {}
  }

  package let name = "dev"
  package let synopsis = "Runs a server and an agent for this user, and shows the SVIDs that its processes get"
  package let details = """
    Everything lies in one folder, which is kept: a second run continues with the same trust domain. Ctrl-C ends the \
    server and the agent.
    """
  package let examples = [
    CommandExample("Run until Ctrl-C", "dev"),
    CommandExample("Show the SVIDs and exit", "dev -once"),
    CommandExample("A trust domain of another name, elsewhere", "dev -trustDomain test.internal -dir /tmp/spire-two"),
  ]
  package let flags: [Flag<Options>] = [
    .string("dir", \.directory, "Folder for everything that it keeps; a second run continues with it").takes(
      .directory),
    .string("trustDomain", \.trustDomain, "The trust domain").takes(.trustDomain),
    .string("audience", \.audience, "Audience of the JWT-SVID that is shown"),
    .bool("once", \.once, "Print the SVIDs, stop everything and exit"),
  ]

  package init() {}

  package func run(_ options: Options, io: CommandIO) async throws {
    try await DevSession(options: options, io: io).run()
  }
}
