import Foundation

/// A spiffe-helper of a test, beside a deployment whose folder it uses.
final class Helper: @unchecked Sendable {
  let process: DaemonProcess
  let directory: String

  /// - Parameter text: the configuration without `cert_dir`, from the folder of its files.
  init(
    _ name: String, in deployment: Deployment, arguments: [String] = [], _ text: (_ directory: String) -> String
  ) throws {
    directory = deployment.directory + "/" + name
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let file = deployment.directory + "/" + name + ".conf"
    try "cert_dir = \"\(directory)\"\n\(text(directory))\n".write(toFile: file, atomically: true, encoding: .utf8)
    process = try DaemonProcess(
      name: name, executable: Programs.helper, arguments: ["-config", file] + arguments,
      logPath: deployment.directory + "/" + name + ".log",
      environment: ["SPIFFE_ENDPOINT_SOCKET": "unix://" + deployment.agentSocket])
  }

  deinit { process.signal(SIGKILL) }

  func text(_ name: String) -> String? { try? String(contentsOfFile: directory + "/" + name, encoding: .utf8) }

  static let x509 = """
    svid_file_name = "svid.pem"
    svid_key_file_name = "svid_key.pem"
    svid_bundle_file_name = "svid_bundle.pem"
    """
}

/// What openssl, which was not written here, says of files.
enum OpenSSL {
  private static func output(_ arguments: [String]) async throws -> String? {
    let result = try await Shell.run("/usr/bin/env", ["openssl"] + arguments)
    return result.status == 0 ? result.stdout : nil
  }

  /// Whether the key is the certificate's and the certificate leads to the bundle.
  static func isSet(_ folder: String) async throws -> Bool {
    let certificate = try await output(["x509", "-in", folder + "/svid.pem", "-noout", "-pubkey"])
    let key = try await output(["pkey", "-in", folder + "/svid_key.pem", "-pubout"])
    let chain = try await output([
      "verify", "-CAfile", folder + "/svid_bundle.pem", "-untrusted", folder + "/svid.pem", folder + "/svid.pem",
    ])
    return certificate != nil && certificate == key && chain != nil
  }
}
