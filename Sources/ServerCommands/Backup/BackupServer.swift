import Console
import Daemon
import Flags
import Server

/// `backup`: copies the state of a server, which may be running, into one file.
struct BackupServer: Command {
  struct Options: PrintingOptions {
    var values = ServerFlags()
    var output = OutputChoice()
    var file = ""
    var includeKeys = false
    var force = false
  }

  let name = "backup"
  let synopsis = "Copies the server's database, and with a flag its keys, into one file"
  let details = """
    For a datastore in SQLite. The server may run: the copy is the state of one moment, and nobody waits for it. Run it as \
    the server's user, in the folder where the server was started if the configuration has relative paths.

    The file is a tar archive of `manifest.json`, `datastore.sqlite3` and, with `-includeKeys`, `keys.json`; `tar -tvf` \
    lists it. It is readable for its owner only. With the keys, whoever has the file can sign any identity of the trust \
    domain: keep it as you keep the keys. Without them, a server that lost its keys makes a new CA after a restore.
    """
  let examples = [
    CommandExample("Every night", "backup -config /etc/spire/server.conf -file /backup/spire.tar -force"),
    CommandExample(
      "Everything that is needed on a new machine",
      "backup -config /etc/spire/server.conf -file spire-with-keys.tar -includeKeys"),
  ]
  var flags: [Flag<Options>] {
    [
      .string("config", \.values.config, "Path of the server's configuration file").takes(.file),
      .bool(
        "expandEnv", \.values.expandEnv, "Replace $VAR and ${VAR} in the configuration file by environment variables"),
      .string("file", \.file, "File to write the backup to").takes(.file),
      .bool("includeKeys", \.includeKeys, "Include the private keys of KeyManager \"disk\""),
      .bool("force", \.force, "Replace the file if it exists"),
      .output(),
    ]
  }

  func run(_ options: Options, io: CommandIO) async throws {
    guard !options.file.isEmpty else { throw CommandFailure("a file to write to is required: -file") }
    let state = try ServerState(try Self.load(options.values, io))
    let backup = ServerBackup(state, to: options.file, includesKeys: options.includeKeys, replaces: options.force)
    let report = try await backup.run()
    options.output.print(report, to: io) { io.out(report.text) }
  }

  /// The configuration as `run` reads it.
  static func load(_ flags: ServerFlags, _ io: CommandIO) throws -> ServerConfiguration {
    do throws(ConfigurationError) {
      return try ServerConfiguration.load(flags, environment: io.environment)
    } catch { throw CommandFailure("\(error)") }
  }
}
