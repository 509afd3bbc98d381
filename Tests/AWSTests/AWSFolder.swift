import Foundation

/// A folder with the files of AWS's tools, and what the environment says of it. Removed with the object.
final class AWSFolder: Sendable {
  let path: String
  let environment: [String: String]

  init(_ more: [String: String] = [:], config: String = "", credentials: String = "") throws {
    path = FileManager.default.temporaryDirectory.appending(path: "aws-\(UUID().uuidString)").path
    environment = [
      "HOME": path, "AWS_CONFIG_FILE": path + "/config", "AWS_SHARED_CREDENTIALS_FILE": path + "/credentials",
      "PATH": "/usr/bin:/bin",
    ].merging(more) { $1 }
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try write("config", config)
    try write("credentials", credentials)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ text: String) throws {
    try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
  }
}
