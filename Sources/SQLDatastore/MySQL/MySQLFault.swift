import DatastoreAPI

/// Turns the error numbers of the server and the client library into errors that name the setting and say what to do.
enum MySQLFault {
  /// The server's or the library's own words.
  struct Cause: SQLFault, CustomStringConvertible {
    var number: UInt32
    var message: String
    var description: String { "MySQL error \(number): \(message)" }
    var recovery: SQLRecovery { isConflict(number) ? .retry : isLost(number) ? .reconnect : .none }
    var isUndone: Bool { isConflict(number) }
  }

  /// Whether the transaction was undone by the server for the sake of another one, and may be tried again.
  static func isConflict(_ number: UInt32) -> Bool {
    // Deadlock, lock wait timeout, record changed since it was read (snapshot isolation), Galera's certification.
    [1213, 1205, 1020, 1047, 3101, 1180].contains(number)
  }

  /// Whether the server has ended the transaction with this error.
  static func endsTransaction(_ number: UInt32) -> Bool { [1213, 1180, 3101].contains(number) || isLost(number) }

  /// Whether the connection is of no more use: it is gone, or leads to a server that may not write any more.
  static func isLost(_ number: UInt32) -> Bool {
    switch number {
    // Shutdown, killed, connection errors of the server; the same of the library; read only.
    case 1053, 1077, 1079, 1152, 1158...1161, 1184, 1927, 2000, 2001...2008, 2011...2014, 2026, 2027, 2055, 4031, 5013,
      5014:
      true
    case 1290, 1836: true
    default: false
    }
  }

  /// - Parameters:
  ///   - place: how messages name the database.
  ///   - setting: the setting with the connection string.
  static func error(number: UInt32, message: String, place: String, setting: String) -> DatastoreError {
    let cause = Cause(number: number, message: message)
    func fault(_ code: DatastoreError.Code, _ text: String) -> DatastoreError {
      .sql(code, "\(place) \(text) (\(message))", cause: cause)
    }
    switch number {
    case 1062, 1586:
      if ["idx_selector_entry", "idx_node_resolver_map", "idx_dns_entry"].contains(where: message.contains) {
        return .sql(
          .alreadyExists,
          "\(message): MySQL cannot keep two selectors or DNS names that are the same or differ only in case, accents or blanks at the end",
          cause: cause)
      }
      return .sql(.alreadyExists, message, cause: cause)
    // The last one is a comparison with such a text.
    case 1366, 1300, 3988, 1267:
      return .sql(
        .invalidArgument, "\(message): the tables' character set utf8 has no characters beyond U+FFFF", cause: cause)
    case 1406: return .sql(.invalidArgument, "\(message): texts are 255 characters long at most", cause: cause)
    case 1264, 1292: return .sql(.invalidArgument, message, cause: cause)
    case 1213, 1205, 1020, 1180, 1047, 3101:
      return fault(.unavailable, "could not finish a transaction that others were in the way of; try again")
    case 1044, 1045, 1130, 1227, 1142, 1143, 1698, 1820, 1862, 3118, 4151:
      return fault(.unavailable, "refuses the user; correct user and password in \(setting), or grant what is missing")
    case 1049: return fault(.unavailable, "is not there; create it or correct its name in \(setting)")
    case 1046: return .sql(.invalidArgument, "\(setting) names no database", cause: cause)
    case 1146, 1054, 1109:
      return fault(
        .failedPrecondition, "does not have the schema of SPIRE; correct \(setting) or restore it from a backup")
    case 1040, 1203, 1226, 1129:
      return fault(.unavailable, "accepts no more connections; lower max_open_conns or raise the server's limits")
    case 1290, 1836, 1792: return fault(.unavailable, "is read only; let \(setting) name a server that may write")
    case 1021, 1114, 1026, 1030: return fault(.unavailable, "cannot store anything; free space on the server's disk")
    case 1193, 1229, 1231, 1232, 1238: return fault(.invalidArgument, "refuses a variable that \(setting) sets")
    case 1665: return fault(.unavailable, "logs statements; set its binlog_format to ROW or MIXED")
    case 1153, 2020: return fault(.unavailable, "takes no packet so large; raise its max_allowed_packet")
    case 1194, 1034, 1712, 1877: return fault(.unavailable, "is damaged; restore it from a backup")
    default: return connectionFault(number, fault) ?? .sql(.internal, message, cause: cause)
    }
  }

  private static func connectionFault(
    _ number: UInt32, _ fault: (DatastoreError.Code, String) -> DatastoreError
  ) -> DatastoreError? {
    switch number {
    case 2002...2005, 2007, 2009, 2010:
      fault(.unavailable, "cannot be reached; check the server and the address in the connection string")
    case 2026, 3159:
      fault(
        .unavailable, "cannot be reached with TLS as configured; check tls, root_ca_path and the client certificate")
    case 1251, 2058, 2059, 2061, 2054, 5010, 5012:
      fault(
        .unavailable, "wants a way to authenticate that is not allowed or not installed; see allowCleartextPasswords")
    case 1317, 1969, 3024: fault(.unavailable, "has ended the statement before its time")
    case _ where isLost(number): fault(.unavailable, "has ended the connection; try again")
    default: nil
    }
  }
}
