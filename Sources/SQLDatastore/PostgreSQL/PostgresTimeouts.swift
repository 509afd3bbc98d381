/// How long a database may take, so that one that hangs does not hold the server for ever.
struct PostgresTimeouts: Hashable, Sendable {
  /// To connect, per address, unless the connection string says otherwise.
  var connect: Int = 10
  /// For one statement, enforced by the database (`statement_timeout`), unless the connection string says otherwise.
  var statement: Duration = .seconds(30)
  /// How much longer than `statement` to wait for a sign of life before the connection is given up.
  var grace: Duration = .seconds(5)
}
