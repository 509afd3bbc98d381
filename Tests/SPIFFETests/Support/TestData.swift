import Foundation

@testable import SPIFFE

/// Finds the files that tests read: recordings in this repository, and vector collections beside it.
enum TestData {
  private static let packageRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static func recorded(_ path: String) throws -> String {
    try String(contentsOf: packageRoot.appending(path: "Tests/Recorded/\(path)"), encoding: .utf8)
  }

  /// What a recorded command wrote to stdout, without the newline that its last print added.
  static func recordedOutput(_ path: String) throws -> String {
    let text = try recorded("cli/\(path)")
    let start = try unwrapped(text.range(of: "--- stdout\n")).upperBound
    let end = try unwrapped(text.range(of: "\n--- stderr")).lowerBound
    return String(text[start..<end])
  }

  static func certificates(_ path: String) throws -> [[UInt8]] {
    try PEM.decode(recorded(path), type: "CERTIFICATE")
  }

  /// A file of the vector collections, or nil when they are not on this machine.
  static func shared(_ path: String) -> Data? {
    let environment = ProcessInfo.processInfo.environment["SPIRE_TESTDATA"]
    let folder = environment.map { URL(filePath: $0) } ?? packageRoot.appending(path: "../shared/testdata").standardized
    return try? Data(contentsOf: folder.appending(path: path))
  }

  static func hex(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8).compactMap { Character(Unicode.Scalar($0)).hexDigitValue.map(UInt8.init) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  static func date(_ text: String) throws -> Date { try Date(text, strategy: .iso8601) }

  struct Missing: Error {}
}

private func unwrapped<Value>(_ value: Value?) throws -> Value {
  guard let value else { throw TestData.Missing() }
  return value
}
