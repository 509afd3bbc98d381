import Daemon
import DatastoreAPI
import Logging

/// What an engine is to the datastore: how its connection strings are checked and its connections made.
///
/// Chosen by ``SQLEngines`` when the datastore opens. Everything above it speaks ``SQLConnection`` and ``Dialect``.
protocol SQLEngine: Sendable {
  /// Checks a connection string without connecting. An error never holds the password.
  func check(_ connectionString: String) throws(DatastoreError)
  /// The connections to one database, which are opened as they are needed.
  func pool(_ connectionString: String, _ role: SQLRole, _ setup: SQLPoolSetup) throws(DatastoreError) -> SQLPool
}

/// What a database is for.
enum SQLRole: Sendable {
  /// `connection_string`: must take writes.
  case primary
  /// `ro_connection_string`: only read, and may be behind.
  case replica
}

/// What every engine gets to make its connections with.
struct SQLPoolSetup: Sendable {
  let configuration: SQLDatastoreConfiguration
  let time: any TimeSource
  let logger: Logger

  /// Where each statement is logged (`log_sql`), without its arguments: they hold tokens.
  var statementLogger: Logger? { configuration.logSQL ? logger : nil }

  /// The limits for an engine on the network that lets several connections write: at most `most` of them read, so that
  /// no more threads block than a server can use, whatever `max_open_conns` allows.
  func networkLimits(mostReaders most: Int) -> SQLPool.Limits {
    let open = configuration.maxOpenConnections > 0 ? configuration.maxOpenConnections - 1 : most
    return SQLPool.Limits(
      readers: max(0, min(most, open)), idleReaders: max(0, configuration.maxIdleConnections),
      age: configuration.connectionMaxLifetime.flatMap { $0 > .zero ? $0 : nil }, idleTime: .seconds(30))
  }
}

/// Gives the password of each new connection in place of the one in the connection string.
protocol PasswordSource: Sendable {
  /// Gets what passwords are made of, before each connection and not on its queue. What fails, ``password(endpoint:user:)``
  /// tells.
  func prepare() async
  /// - Parameter endpoint: the host and port of the database, `db.example.org:5432`.
  func password(endpoint: String, user: String) throws(DatastoreError) -> String
}

extension PasswordSource {
  func prepare() async {}
}
