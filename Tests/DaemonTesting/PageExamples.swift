import Foundation

/// The examples of a page of docs, for tests that try them.
package enum PageExamples {
  /// The code blocks of one language, in their order.
  ///
  /// - Parameters:
  ///   - page: `telemetry.md`
  ///   - language: as it is named after the fence: `hcl`.
  package static func of(_ page: String, _ language: String) throws -> [String] {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    let text = try String(contentsOfFile: root + "/docs/" + page, encoding: .utf8)
    return text.components(separatedBy: "\n```\(language)\n").dropFirst().compactMap {
      $0.components(separatedBy: "\n```").first
    }
  }
}
