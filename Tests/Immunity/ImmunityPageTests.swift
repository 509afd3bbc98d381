import Foundation
import Testing

/// docs/security/immunity.md names a test for each class of attack: each of them is there, and none is missing.
@Suite struct ImmunityPageTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func page() throws -> String {
    try String(contentsOf: root.appendingPathComponent("docs/security/immunity.md"), encoding: .utf8)
  }

  /// The rows of the page's tables: the cells of each.
  private static func rows() throws -> [[String]] {
    // The table of peers is not one of attacks.
    try page().split(separator: "\n")
      .filter { line in line.hasPrefix("| ") && !["| attack", "| peer", "| `"].contains { line.hasPrefix($0) } }
      .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
  }

  @Test func everyTestThatThePageNamesExists() throws {
    var named = 0
    for match in try Self.page().matches(of: /`(Tests\/[A-Za-z0-9\/]+\.swift)` `([A-Za-z0-9 ,';()-]+)`/) {
      named += 1
      let (path, test) = (String(match.1), String(match.2))
      let source = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
      #expect(source.contains("func \(test)(") || source.contains("\"\(test)\""), "\(path) has no test \(test)")
    }
    #expect(named >= 190)
  }

  /// Attack, origin, what keeps it out, tests: none of them is empty.
  @Test func everyRowIsWhole() throws {
    let rows = try Self.rows()
    #expect(rows.count >= 120)
    for row in rows {
      #expect(row.count == 4 && row.allSatisfy { !$0.isEmpty }, "not four cells: \(row)")
      #expect(row.last?.contains("`Tests/") == true, "a row without a test: \(row)")
    }
    #expect(Set(rows.map { $0[0] }).count == rows.count, "a class is there twice")
  }

  /// Each number was looked up: what it stands for is on a page of its own, once, and what is there is used.
  @Test func everyNumberWasLookedUp() throws {
    let page = try Self.page()
    let url = Self.root.appendingPathComponent("docs/security/origins.md")
    let origins = try String(contentsOf: url, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| CVE-") }
      .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
    for row in origins { #expect(row.count == 3 && row.allSatisfy { !$0.isEmpty }, "not three cells: \(row)") }
    let known = origins.map { $0[0] }
    #expect(known == known.sorted() && Set(known).count == known.count)
    let used = Set(page.matches(of: /CVE-[0-9]{4}-[0-9]{4,}/).map { String($0.output) })
    #expect(used == Set(known), "\(used.symmetricDifference(known).sorted())")
    #expect(!page.contains(/GHSA-/))
  }

  /// What replays an attack here is named there.
  @Test func everyFileOfThisFolderHasItsRow() throws {
    let page = try Self.page()
    let folder = Self.root.appendingPathComponent("Tests/Immunity")
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path)
    where file.hasSuffix("Tests.swift") && file != "ImmunityPageTests.swift" {
      #expect(page.contains("`Tests/Immunity/\(file)` `"), "\(file) has no row")
    }
  }

  /// The classes that the page began with, and the numbers under which the others were published.
  @Test(arguments: [
    "join token is used by several", "One copy of the data", "first certificate of a bag", "without `exp`",
    "redirected to an address", "endless or huge challenge", "chains that burn CPU", "session is resumed past a root",
    "adds segments to its agent path", "page size that reserves memory", "request asks for the server's ID",
    "path without its slash", "block of headers that never ends",
    "CVE-2021-27098", "CVE-2021-27099", "CVE-2026-33186", "CVE-2023-45288", "CVE-2024-27316", "CVE-2023-44487",
    "CVE-2025-8671", "CVE-2019-9511", "CVE-2019-9512", "CVE-2019-9513", "CVE-2019-9514", "CVE-2019-9515",
    "CVE-2019-9516", "CVE-2019-9517", "CVE-2019-9518", "CVE-2016-6581", "CVE-2020-16250", "CVE-2020-16251",
    "CVE-2015-9235", "CVE-2018-0114",
  ])
  func noClassIsMissing(_ words: String) throws { #expect(try Self.page().contains(words), "\(words)") }
}
