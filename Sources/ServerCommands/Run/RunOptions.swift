import Console
import Flags
import Server

/// The flags of `run` and `validate`.
struct RunOptions: CommandOptions {
  var values = ServerFlags()

  static let flags: [Flag<RunOptions>] = [
    .string("bindAddress", \.values.bindAddress, "IP address or DNS name that the server listens on"),
    .string("config", \.values.config, "Path of the server's configuration file").takes(.file),
    .string("dataDir", \.values.dataDir, "Directory in which the server keeps its state").takes(.directory),
    .bool(
      "expandEnv", \.values.expandEnv, "Replace $VAR and ${VAR} in the configuration file by environment variables"),
    .string("logFile", \.values.logFile, "File to write the log to").takes(.file),
    .string("logFormat", \.values.logFormat, "Form of the log: 'text' or 'json'").takes(.logFormat),
    .string("logLevel", \.values.logLevel, "Level of the log: 'debug', 'info', 'warn' or 'error'").takes(.logLevel),
    .bool("logSourceLocation", \.values.logSourceLocation, "Add source file, line and function to the log"),
    .int("serverPort", \.values.serverPort, "Port that the server listens on"),
    .string("socketPath", \.values.socketPath, "Path of the socket that the server's own API is on").takes(.file),
    .string("trustDomain", \.values.trustDomain, "Trust domain that this server belongs to").takes(.trustDomain),
  ]
}
