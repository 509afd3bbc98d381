import Foundation

/// moto's server, in a process of its own: `Tests/Support/aws_world.py`. Used by one test at a time.
final class AWSWorld {
  struct Instance: Decodable {
    let account: String
    let id: String
    let group: String
    let image: String
    /// The ARN of its role.
    let role: String
  }

  struct Content: Decodable {
    let url: String
    let keyID: String
    let secret: String
    let region: String
    let management: String
    let instances: [String: Instance]
  }

  struct Failure: Error { let text: String }

  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  /// The Python of the tests' own environment; nil where it was not prepared.
  static let python: String? = {
    let path = folder.deletingLastPathComponent().appendingPathComponent(".build/venv/bin/python").path
    let packages = path.replacing("/bin/python", with: "/wanted")
    let wanted = (try? String(contentsOfFile: packages, encoding: .utf8)) ?? ""
    return wanted.contains("moto[server]") ? path : nil
  }()

  let content: Content
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  init() throws {
    guard let python = Self.python else { throw Failure(text: "moto is not installed") }
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = [Self.folder.appendingPathComponent("Support/aws_world.py").path]
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    do { content = try JSONDecoder().decode(Content.self, from: Self.line(output)) } catch {
      process.terminate()
      throw error
    }
  }

  deinit {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  private static func line(_ pipe: Pipe) throws -> Data {
    var line = Data()
    while true {
      guard let byte = try pipe.fileHandleForReading.read(upToCount: 1), !byte.isEmpty else {
        throw Failure(text: "moto's server ended")
      }
      if byte == Data([10]) { return line }
      line += byte
    }
  }

  @discardableResult func tell(_ command: String) throws -> Data {
    try input.fileHandleForWriting.write(contentsOf: Data((command + "\n").utf8))
    return try Self.line(output)
  }

  /// The calls since the last time: service, action, account.
  func calls() throws -> [[String]] { try JSONDecoder().decode([[String]].self, from: tell("log")) }
}
