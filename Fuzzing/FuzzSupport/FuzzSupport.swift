import FoundationEssentials

/// The bytes that libFuzzer offers.
package func fuzzedBytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
  Array(UnsafeBufferPointer(start: start, count: count))
}

/// Ends the run with a message; `precondition` loses its message in an optimised build.
package func check(_ condition: Bool, _ message: @autoclosure () -> String, line: UInt = #line) {
  if !condition { fatalError("line \(line): \(message())") }
}

/// The value that `body` makes of something that was accepted before: a failure ends the run.
package func mustSucceed<Value>(
  _ what: String, line: UInt = #line, _ body: () throws -> Value
) -> Value {
  do { return try body() } catch { fatalError("line \(line): \(what): \(error)") }
}

/// A file of Tests/Recorded. Runs start in the repository's root.
package func recorded(_ path: String) -> String {
  guard let bytes = FileManager.default.contents(atPath: "Tests/Recorded/\(path)") else {
    fatalError("Tests/Recorded/\(path) cannot be read: start the fuzz target in the repository's root")
  }
  return String(decoding: bytes, as: UTF8.self)
}
