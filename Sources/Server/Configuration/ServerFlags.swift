/// The flags of `spire-server run` and `validate`. A value that is empty, 0 or false leaves the file's value in place.
package struct ServerFlags: Sendable {
  /// `-config`
  package var config = "conf/server/server.conf"
  /// `-expandEnv`: `$VAR` and `${VAR}` in the file are replaced.
  package var expandEnv = false
  /// `-bindAddress`: `bind_address`
  package var bindAddress = ""
  /// `-serverPort`: `bind_port`
  package var serverPort = 0
  /// `-socketPath`: `socket_path`
  package var socketPath = ""
  /// `-trustDomain`: `trust_domain`
  package var trustDomain = ""
  /// `-dataDir`: `data_dir`
  package var dataDir = ""
  /// `-logFile`: `log_file`
  package var logFile = ""
  /// `-logFormat`: `log_format`
  package var logFormat = ""
  /// `-logLevel`: `log_level`
  package var logLevel = ""
  /// `-logSourceLocation`: `log_source_location`
  package var logSourceLocation = false

  package init() {}
}
