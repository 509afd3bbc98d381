import Testing

@testable import SQLDatastore

/// Comparisons of texts with arguments are made exact; everything else stays as it is.
@Suite struct MySQLTextTests {
  @Test(
    arguments: [
      (
        "SELECT 1 FROM t WHERE a.id = ? AND e.spiffe_id = ? LIMIT ?",
        "SELECT 1 FROM t WHERE a.id = ? AND (e.spiffe_id = ? AND CAST(e.spiffe_id AS BINARY) = CAST(? AS BINARY)) LIMIT ?",
        [0, 1, 1, 2]
      ),
      (
        "DELETE FROM join_tokens WHERE token=?",
        "DELETE FROM join_tokens WHERE (token=? AND CAST(token AS BINARY)=CAST(? AS BINARY))", [0, 0]
      ),
      (
        "SELECT 1 WHERE NOT (type = ? OR x = ?) AND y = ?",
        "SELECT 1 WHERE NOT ((type = ? AND CAST(type AS BINARY) = CAST(? AS BINARY)) OR x = ?) AND y = ?", [0, 0, 1, 2]
      ),
      (
        "SELECT 1 WHERE b.trust_domain IN (?, ?) AND id IN (?, ?)",
        "SELECT 1 WHERE (b.trust_domain IN (?, ?) AND CAST(b.trust_domain AS BINARY) IN (CAST(? AS BINARY), "
          + "CAST(? AS BINARY))) AND id IN (?, ?)", [0, 1, 0, 1, 2, 3]
      ),
      (
        "SELECT COUNT(CASE WHEN value NOT IN (?) THEN 1 END) = 0, ? WHERE hint <> ?",
        "SELECT COUNT(CASE WHEN CAST(value AS BINARY) NOT IN (CAST(? AS BINARY)) THEN 1 END) = 0, ? "
          + "WHERE CAST(hint AS BINARY) <> CAST(? AS BINARY)", [0, 1, 2]
      ),
      (
        "SELECT 1 WHERE COALESCE(e.parent_id, '') = ?",
        "SELECT 1 WHERE (COALESCE(e.parent_id, '') = ? AND CAST(COALESCE(e.parent_id, '') AS BINARY) = CAST(? AS BINARY))",
        [0, 0]
      ),
      (
        "UPDATE t SET hint = ?, spiffe_id = ? WHERE entry_id = ?",
        "UPDATE t SET hint = ?, spiffe_id = ? WHERE (entry_id = ? AND CAST(entry_id AS BINARY) = CAST(? AS BINARY))",
        [0, 1, 2, 2]
      ),
      (
        "SELECT DISTINCT e.spiffe_id, e.id, parent_id FROM t e WHERE e.id = ?",
        "SELECT DISTINCT CAST(e.spiffe_id AS BINARY), e.id, CAST(parent_id AS BINARY) FROM t e WHERE e.id = ?", [0]
      ),
    ] as [(String, String, [Int])])
  func exact(_ sql: String, _ text: String, _ arguments: [Int]) {
    let made = MySQLText(sql)
    #expect(made.text == text)
    #expect(made.arguments == arguments)
  }

  @Test(arguments: [
    "SELECT id FROM a WHERE id = ? AND b IN (?, ?) ORDER BY id LIMIT ?", "INSERT INTO t (type, value) VALUES (?, ?)",
    "SELECT 1 FROM n JOIN s ON n.spiffe_id = s.spiffe_id WHERE n.spiffe_id IN (SELECT spiffe_id FROM t WHERE expires_at > ?)",
    "SELECT 1 WHERE serial_number = '' AND hint = 'a?b' AND x = ?", "COMMIT", "",
    "SELECT 1 WHERE COUNT(CASE WHEN x IN (?) THEN 1 END) = ?", "SELECT 'it = ? (", ") = ?", "= ?", "type IN (",
    "type =",
  ])
  func stays(_ sql: String) {
    let made = MySQLText(sql)
    #expect(made.text == sql)
    #expect(made.arguments == Array(0..<made.arguments.count))
  }
}
