import CPostgres
import DatastoreAPI

/// What PostgreSQL or its client library says about a failure, and what that means here.
struct PostgresFault: SQLFault, CustomStringConvertible {
  /// Five characters (PostgreSQL manual, appendix A), or empty for a fault of the connection.
  var state: String
  var message: String
  var recovery: SQLRecovery
  var isUndone: Bool

  var description: String { state.isEmpty ? message : "\(message) (SQLSTATE \(state))" }

  /// The error for a statement that the server refused.
  static func refused(state: String, message: String, database: String) -> DatastoreError {
    let (code, recovery, text) = meaning(state, database)
    let fault = PostgresFault(
      state: state, message: message, recovery: recovery, isUndone: !lostStates.contains(state))
    return .sql(code, text.map { "\($0) (\(message))" } ?? message, cause: fault)
  }

  /// The error for a connection that broke while it was used.
  static func lost(_ message: String, database: String) -> DatastoreError {
    let fault = PostgresFault(state: "", message: message, recovery: .reconnect, isUndone: false)
    return .sql(.unavailable, "the connection to \(database) was lost (\(message))", cause: fault)
  }

  /// The error for a database that did not answer in time.
  static func silent(_ seconds: Int, database: String) -> DatastoreError {
    let fault = PostgresFault(state: "", message: "no answer", recovery: .none, isUndone: false)
    return .sql(
      .unavailable, "\(database) has not answered for \(seconds) seconds; check the database and the network to it",
      cause: fault)
  }

  /// The error for a connection that could not be made. `message` is libpq's, which never holds the password.
  static func unreachable(_ message: String, database: String) -> DatastoreError {
    let text = message.split(separator: "\n").map { $0.trimmingWhitespace() }.filter { !$0.isEmpty }
      .joined(separator: "; ")
    let advice =
      advices.first { text.contains($0.text) }?.advice ?? "check connection_string, the server and the network"
    let fault = PostgresFault(state: "", message: text, recovery: .none, isUndone: true)
    return .sql(.unavailable, "cannot connect to \(database): \(advice) (\(text))", cause: fault)
  }

  /// What a connection that could not be made may need, by words of the server and of libpq.
  private static let advices: [(text: String, advice: String)] = [
    ("password authentication failed", "it refuses the user or the password of connection_string"),
    ("no password supplied", "it wants a password; add one to connection_string"),
    (
      "no pg_hba.conf entry", "it does not admit this user from this host; correct its pg_hba.conf or connection_string"
    ),
    (
      "server does not support SSL",
      "it does not offer TLS; turn it on there, or add sslmode=disable to connection_string"
    ),
    ("certificate verify failed", "its certificate is not trusted; correct sslrootcert in connection_string"),
    ("does not match host name", "its certificate is for another name; correct host or sslmode in connection_string"),
    ("root certificate file", "the file of sslrootcert in connection_string cannot be read"),
    ("certificate", "correct the TLS options in connection_string"),
    ("could not translate host name", "the host of connection_string has no address"),
    ("Connection refused", "nothing listens there; start the server or correct connection_string"),
    ("timeout expired", "it does not answer; check the server, the network and connection_string"),
    ("starting up", "it is starting; it will be used as soon as it is ready"),
    ("shutting down", "it is shutting down"),
    ("too many clients", "it has no connection left; raise its max_connections or lower max_open_conns"),
    ("remaining connection slots", "it has no connection left; raise its max_connections or lower max_open_conns"),
    ("session is read-only", "none of its hosts takes writes; a primary is needed"),
    ("role ", "the user of connection_string is not known there"),
    ("database \"", "the database of connection_string is not there; create it or correct dbname"),
  ]

  private static let lostStates: Set<String> = ["57P01", "57P02", "57P03", "57P05", "25P03"]

  private static func meaning(
    _ state: String, _ database: String
  ) -> (DatastoreError.Code, SQLRecovery, String?) {
    switch state {
    case "23505": return (.alreadyExists, .none, nil)
    case "40001", "40P01", "55P03":
      return (.unavailable, .retry, "another transaction stands in the way; try again")
    case "25006":
      // Another connection may lead to the primary.
      return (
        .unavailable, .reconnect, "\(database) is a read-only replica; connection_string must name the primary"
      )
    case "57014":
      return (.unavailable, .none, "\(database) took longer than statement_timeout; check what it is busy with")
    case _ where lostStates.contains(state) || state.hasPrefix("08"):
      return (.unavailable, .reconnect, "\(database) ended the connection; it is tried again with the next call")
    case "53300":
      return (
        .unavailable, .none, "\(database) has no connection left; raise its max_connections or lower max_open_conns"
      )
    case "53100": return (.unavailable, .none, "the disk of \(database) is full; free space there")
    case _ where state.hasPrefix("53") || state.hasPrefix("58"):
      return (.unavailable, .none, "\(database) is out of resources or has a fault; check its log")
    case "28000", "28P01":
      return (.unavailable, .none, "\(database) refuses the user or the password of connection_string")
    case "3D000": return (.unavailable, .none, "the database of connection_string is not there; create it")
    case "42501":
      return (
        .failedPrecondition, .none,
        "the user of connection_string lacks a right in \(database); it must own SPIRE's tables, or be allowed to "
          + "create them in the schema"
      )
    case "3F000":
      return (
        .failedPrecondition, .none,
        "\(database) has no schema to create tables in; correct search_path in connection_string"
      )
    case "42P01", "42703":
      return (
        .failedPrecondition, .none,
        "\(database) lacks a table or column of SPIRE; connection_string must name SPIRE's own database and schema"
      )
    case "22001", "22021", "22P05", "22003": return (.invalidArgument, .none, nil)
    default: return (.internal, .none, nil)
    }
  }
}

extension Substring {
  fileprivate func trimmingWhitespace() -> Substring {
    var text = drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}
