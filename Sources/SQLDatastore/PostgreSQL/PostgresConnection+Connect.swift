import CPostgres
import DatastoreAPI

extension PostgresConnection {
  /// Connects as the connection string says, with limits on how long that and later silence may take.
  static func connect(
    _ dsn: PostgresDSN, _ role: SQLRole, _ password: String?, _ timeouts: PostgresTimeouts,
    _ functions: cpostgres_functions
  ) throws(DatastoreError) -> OpaquePointer {
    var options = dsn.options
    options["options"] = dsn.serverOptions
    options["client_encoding"] = "UTF8"
    if let password { options["password"] = password }
    let defaults = [
      "connect_timeout": String(timeouts.connect), "fallback_application_name": "spire-server", "keepalives_idle": "30",
      "keepalives_interval": "10", "keepalives_count": "3", "tcp_user_timeout": "30000",
    ]
    options.merge(defaults) { given, _ in given }
    // Of several hosts, the one that takes writes now.
    if role == .primary, dsn.hasSeveralHosts {
      options.merge(["target_session_attrs": "read-write"]) { given, _ in given }
    }
    let handle = withCStrings(options.keys.map { $0 }) { names in
      withCStrings(options.values.map { $0 }) { values in functions.connectdbParams(names, values, 0) }
    }
    guard let handle else { throw .sql(.unavailable, "out of memory") }
    guard functions.status(handle) == CONNECTION_OK else {
      let message = functions.errorMessage(handle).map { String(cString: $0) } ?? ""
      functions.finish(handle)
      throw PostgresFault.unreachable(message, database: dsn.displayName)
    }
    return handle
  }

  /// Calls `body` with a list of C texts that ends with NULL.
  private static func withCStrings<T>(
    _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> T
  ) -> T {
    var bytes: [CChar] = []
    let offsets = texts.map { text in
      defer { bytes += text.utf8CString }
      return bytes.count
    }
    return bytes.withUnsafeBufferPointer { buffer in
      let pointers = offsets.map { offset in buffer.baseAddress.map { $0 + offset } } + [nil]
      return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
  }
}
