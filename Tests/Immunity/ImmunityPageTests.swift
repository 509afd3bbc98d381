import Foundation
import Testing

/// docs/security/immunity.md names a test for each class of attack: each of them is there.
@Suite struct ImmunityPageTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  @Test func everyTestThatThePageNamesExists() throws {
    let page = try String(contentsOf: Self.root.appendingPathComponent("docs/security/immunity.md"), encoding: .utf8)
    var named = 0
    for match in page.matches(of: /`(Tests\/[A-Za-z0-9\/]+\.swift)` `([A-Za-z0-9 ,-]+)`/) {
      named += 1
      let (path, test) = (String(match.1), String(match.2))
      let source = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
      #expect(source.contains("func \(test)(") || source.contains("\"\(test)\""), "\(path) has no test \(test)")
    }
    #expect(named >= 15)
    let rows = page.split(separator: "\n").filter {
      $0.hasPrefix("| ") && !$0.hasPrefix("| attack") && !$0.hasPrefix("| peer") && !$0.hasPrefix("| `")
    }
    #expect(rows.count >= 12)
    for row in rows { #expect(row.contains("`Tests/"), "a row without a test: \(row)") }
  }
}
