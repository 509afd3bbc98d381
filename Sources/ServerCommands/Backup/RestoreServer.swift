import Console
import Flags
import Server

/// `restore`: puts a backup in the place of a stopped server's state.
struct RestoreServer: Command {
  struct Options: PrintingOptions {
    var values = ServerFlags()
    var output = OutputChoice()
    var file = ""
    var databaseOnly = false
    var keepAgents = false
    var dryRun = false
  }

  let name = "restore"
  let synopsis = "Puts a backup in the place of a stopped server's database and keys"
  let details = """
    Everything is checked before anything is replaced: that the file is whole, the database sound, its schema one that this \
    version knows, and its trust domain the configured one. It is refused while a server runs on these files. What was \
    there stays beside it, with `.replaced-` and the time after its name. Keys are replaced when the backup has them.

    Join tokens of a backup are not restored: some may have been used since. Agents that attested, renewed their SVID or were \
    banned after the backup are not known as that any more; with `-keepAgents`, the agents stay as the replaced database \
    has them. Without it, those that were banned since are listed.
    """
  let examples = [
    CommandExample("To see what would happen", "restore -config /etc/spire/server.conf -file spire.tar -dryRun"),
    CommandExample("On a stopped server", "restore -config /etc/spire/server.conf -file spire.tar"),
    CommandExample(
      "To take back entries and bundles only",
      "restore -config /etc/spire/server.conf -file spire.tar -databaseOnly -keepAgents"),
  ]
  var flags: [Flag<Options>] {
    [
      .string("config", \.values.config, "Path of the server's configuration file").takes(.file),
      .bool(
        "expandEnv", \.values.expandEnv, "Replace $VAR and ${VAR} in the configuration file by environment variables"),
      .string("socketPath", \.values.socketPath, "Path of the server's admin socket, if it is not the configured one")
        .takes(.file),
      .string("file", \.file, "The backup").takes(.file),
      .bool("databaseOnly", \.databaseOnly, "Leave the keys as they are"),
      .bool("keepAgents", \.keepAgents, "Keep the agents of the database that is replaced: their SVIDs and bans"),
      .bool("dryRun", \.dryRun, "Check everything and replace nothing; the server may run"),
      .output(),
    ]
  }

  func run(_ options: Options, io: CommandIO) async throws {
    guard !options.file.isEmpty else { throw CommandFailure("the backup is required: -file") }
    let state = try ServerState(try BackupServer.load(options.values, io))
    let restore = ServerRestore(
      state, from: options.file, leavesKeys: options.databaseOnly, keepsAgents: options.keepAgents,
      isDryRun: options.dryRun)
    let result = RestoreResult(report: try await restore.run(), isDryRun: options.dryRun, config: options.values.config)
    options.output.print(result, to: io) { io.out(result.text) }
  }
}
