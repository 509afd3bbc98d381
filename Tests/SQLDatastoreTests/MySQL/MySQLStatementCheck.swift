import Foundation
import Logging
import Testing

@testable import SQLDatastore

/// Looks at each statement that the contract tests run on MySQL's dialect: MySQL 8 and MariaDB 10.6 must both know it, and
/// no text may be compared loosely.
struct MySQLStatementCheck: LogHandler {
  static let logger = Logger(label: "statements", factory: { _ in MySQLStatementCheck() })

  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .trace
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    guard let statement = event.metadata?["statement"] else { return }
    let reasons = Self.offences("\(statement)")
    if !reasons.isEmpty { Issue.record("\(reasons): \(statement)") }
  }

  /// Words and signs that only one of MySQL 8, MariaDB and the other engines knows.
  private static let foreign = [
    "RETURNING", "INTERSECT", "EXCEPT", "MINUS", "ON CONFLICT", "OR REPLACE", "COLUMN IF ", "INDEX IF ",
    "TABLE IF EXISTS",
    "ILIKE", "SEQUENCE", "NEXTVAL", "NULLS FIRST", "NULLS LAST", "FETCH FIRST", "SKIP LOCKED", "NOWAIT", "FOR SHARE",
    "LATERAL", "JSON_TABLE", "FULL JOIN", "FULL OUTER", "IMMEDIATE", "PRAGMA", "EXPORT_SET", "FOR SYSTEM_TIME",
    "ROWNUM",
    "LIMIT ROWS", "DELAYED", "TRUNCATE", "STRING_AGG", "BOOL_OR",
  ]
  /// Words that MySQL 8 reserves and MariaDB does not: not to be names without quotes.
  private static let reserved = [
    "CUBE", "CUME_DIST", "DENSE_RANK", "EMPTY", "FIRST_VALUE", "FUNCTION", "GET", "GROUPING", "GROUPS", "LAG",
    "LAST_VALUE", "LEAD", "NTH_VALUE", "NTILE", "OF", "PERCENT_RANK", "RANK", "RECURSIVE", "ROW_NUMBER", "STORED",
    "SYSTEM", "VIRTUAL", "WINDOW",
  ]
  private static let signs = ["\"", "::", "||", "$1", "\\", ";", "--", "/*", "#"]

  static func offences(_ statement: String) -> [String] {
    let upper = statement.uppercased()
    var found = (foreign + reserved).filter { word in
      upper.range(of: "\\b\(NSRegularExpression.escapedPattern(for: word))(\\b|$)", options: .regularExpression) != nil
        || word.hasSuffix(" ") && upper.contains(word)
    }
    found += signs.filter(statement.contains)
    let exact = MySQLText(statement).text
    for clause in ["GROUP BY", "ORDER BY"] {
      let columns = MySQLSchema.textColumns.sorted().joined(separator: "|")
      let pattern = "\\b\(clause) [a-z_., ]*\\b(\(columns))\\b"
      if exact.range(of: pattern, options: .regularExpression) != nil { found.append("\(clause) a text") }
    }
    if let text = loose(exact) { found.append("compares loosely: \(text)") }
    return found
  }

  /// A comparison of a text column with an argument that leaves it at the collation.
  private static func loose(_ text: String) -> String? {
    guard let start = text.range(of: " WHERE ") else { return nil }
    let columns = MySQLSchema.textColumns.sorted().joined(separator: "|")
    let pattern = "\\b(\(columns))\\b( *, *''\\))? *(=|<>|!=|<|>|LIKE|IN|NOT IN) *(\\?|\\([?, ]+\\))(?! AND CAST\\()"
    return text.range(of: pattern, options: .regularExpression, range: start.lowerBound..<text.endIndex)
      .map { String(text[$0]) }
  }
}

@Suite struct MySQLStatementCheckTests {
  @Test(arguments: [
    "INSERT INTO t (a) VALUES (?) RETURNING id", "SELECT 1 INTERSECT SELECT 2", "select 1 except select 2",
    "ALTER TABLE t ADD COLUMN IF NOT EXISTS a int", "SELECT \"a\" FROM t", "SELECT rank FROM t",
    "SELECT 1 FROM t WHERE value > ?", "SELECT a || b FROM t",
  ])
  func findsWhatOnlyOneKnows(_ statement: String) {
    #expect(!MySQLStatementCheck.offences(statement).isEmpty)
  }

  @Test func allowsTheRest() {
    let statements =
      MySQLSchema.statements + Migration.all.flatMap { $0.columns.map(MySQLDialect().addColumn) } + [
        "SELECT e.id FROM registered_entries e WHERE e.spiffe_id = ? AND COALESCE(e.parent_id, '') = ? FOR UPDATE",
        "START TRANSACTION READ ONLY", "UPDATE t SET value = ? WHERE type IN (?, ?)",
      ]
    for statement in statements { #expect(MySQLStatementCheck.offences(statement) == [], "\(statement)") }
  }
}
