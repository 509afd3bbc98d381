package import HTTP

/// The settings that are not credentials, of the environment and of the profile that it names: where AWS's services are, and
/// whom to believe. Read once. A value.
package struct AWSConfiguration: Sendable {
  package let environment: [String: String]
  private let profile: AWSSharedFiles.Section
  private let services: AWSSharedFiles.Section

  /// Reads the shared files; blocks. What is wrong with them is told when credentials are looked for in them.
  package init(environment: [String: String]) {
    self.init(environment: environment, files: (try? AWSSharedFiles(environment: environment)) ?? AWSSharedFiles())
  }

  init(environment: [String: String], files: AWSSharedFiles) {
    self.environment = environment
    profile = files.profiles[AWSCredentialChain.profileName(environment) ?? "default"] ?? [:]
    services = profile["services"].flatMap { files.services[$0] } ?? [:]
  }

  /// What a variable says or, if it says nothing, a key of the profile.
  func value(_ variable: String, _ key: String) -> String? {
    [environment[variable], profile[key]].lazy.compactMap { $0 }.first { !$0.isEmpty }
  }

  func isTrue(_ variable: String, _ key: String) -> Bool { value(variable, key)?.lowercased() == "true" }

  /// Where a service is said to be; nil for where it always is.
  ///
  /// - Parameter name: as the shared file has it, `auto_scaling`.
  func endpoint(of name: String) -> String? {
    guard !isTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls") else { return nil }
    return [
      environment["AWS_ENDPOINT_URL_\(name.uppercased())"], environment["AWS_ENDPOINT_URL"],
      services["\(name).endpoint_url"], profile["endpoint_url"],
    ].lazy.compactMap { $0 }.first { !$0.isEmpty }
  }

  /// Whom AWS's services must be vouched for by: the authorities of `AWS_CA_BUNDLE` alone, or the system's.
  package var security: HTTPSecurity {
    HTTPSecurity(.web(value("AWS_CA_BUNDLE", "ca_bundle").map { .file($0) } ?? .system(environment: environment)))
  }

  /// The address of the instance's metadata service, without a path.
  func metadataService() throws(AWSError) -> String {
    let named = value("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint") ?? ""
    guard named.isEmpty else {
      let address = named.contains("://") ? named : "http://\(named)"
      // Only the place counts, as with AWS's own client.
      let begin = address.firstRange(of: "://")?.upperBound ?? address.startIndex
      return String(address[..<(address[begin...].firstIndex { "/?#".contains($0) } ?? address.endIndex)])
    }
    switch value("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode")?.lowercased() {
    case "ipv6": return "http://[fd00:ec2::254]"
    case nil, "ipv4": return "http://169.254.169.254"
    case let mode?: throw AWSError("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is \(mode), not IPv4 or IPv6")
    }
  }
}
