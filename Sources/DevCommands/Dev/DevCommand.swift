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
  package let flags: [Flag<Options>] = [
    .string("dir", \.directory, "Folder for everything that it keeps; a second run continues with it"),
    .string("trustDomain", \.trustDomain, "The trust domain"),
    .string("audience", \.audience, "Audience of the JWT-SVID that is shown"),
    .bool("once", \.once, "Print the SVIDs, stop everything and exit"),
  ]

  package init() {}

  package func run(_ options: Options, io: CommandIO) async throws {
    try await DevSession(options: options, io: io).run()
  }
}
