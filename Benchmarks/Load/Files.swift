import Foundation

/// The files that a run reads and writes.
enum Files {
  static func read(_ path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else { throw LoadError("cannot read \(path)") }
    return Array(data)
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  /// The records of a script: what to wait for, and the message of the call.
  static func script(_ path: String) throws -> [(text: [UInt8], body: [UInt8])] {
    var rest = try read(path)[...]
    func field() throws -> [UInt8] {
      let length = Int(Frame.integer(rest.prefix(4)))
      guard rest.count >= 4 + length else { throw LoadError("\(path) ends in the middle of a record") }
      defer { rest = rest.dropFirst(4 + length) }
      return Array(rest.dropFirst(4).prefix(length))
    }
    var records: [(text: [UInt8], body: [UInt8])] = []
    while !rest.isEmpty { records.append((try field(), try field())) }
    return records
  }
}
