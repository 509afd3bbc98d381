package import HTTP

/// Where AWS's APIs are, by service and region. A value.
///
/// `AWS_ENDPOINT_URL_<SERVICE>` and `AWS_ENDPOINT_URL` name other places, unless `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is
/// true, as for AWS's own tools.
package struct AWSEndpoints: Sendable {
  package enum Service: String, Sendable {
    case ec2, iam, sts, organizations, eks, autoscaling

    /// As the names of environment variables have it.
    fileprivate var variable: String { self == .autoscaling ? "AUTO_SCALING" : rawValue.uppercased() }
  }

  /// A part of AWS that has nothing to do with the others. Its regions begin alike; the host names end alike.
  private struct Partition {
    let regions: String
    let suffix: String
    /// The regions whose IAM and whose Organizations serve all of them.
    let identity: String
    let organizations: String
  }

  private static let partitions = [
    Partition(regions: "cn-", suffix: "amazonaws.com.cn", identity: "cn-north-1", organizations: "cn-northwest-1"),
    Partition(regions: "us-gov-", suffix: "amazonaws.com", identity: "us-gov-west-1", organizations: "us-gov-west-1"),
    Partition(
      regions: "eusc-", suffix: "amazonaws.eu", identity: "eusc-de-east-1", organizations: "eusc-de-east-1"),
    Partition(regions: "us-iso-", suffix: "c2s.ic.gov", identity: "us-iso-east-1", organizations: "us-iso-east-1"),
    Partition(
      regions: "us-isob-", suffix: "sc2s.sgov.gov", identity: "us-isob-east-1", organizations: "us-isob-east-1"),
    Partition(regions: "", suffix: "amazonaws.com", identity: "us-east-1", organizations: "us-east-1"),
  ]

  private let environment: [String: String]

  package init(environment: [String: String]) { self.environment = environment }

  /// The URL of the service, and the region that its requests are signed for.
  package func place(of service: Service, region: String) throws(AWSError) -> (url: WebURL, region: String) {
    // A region becomes part of a host's name.
    let isRegion = region.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || byte == UInt8(ascii: "-")
    }
    guard isRegion, (1...32).contains(region.utf8.count) else { throw AWSError("\(region) is no region of AWS") }
    let (host, signed) = Self.host(of: service, region: region)
    let named = named(service)
    if named.isEmpty, isTrue("AWS_USE_FIPS_ENDPOINT") {
      // To ask another endpoint than the one that was demanded would break a promise that nobody sees.
      throw AWSError(
        "AWS_USE_FIPS_ENDPOINT is set, and the FIPS endpoints are not known here: name them with "
          + "AWS_ENDPOINT_URL_\(service.variable)")
    }
    do { return (try WebURL(anyScheme: named.isEmpty ? "https://\(host)/" : named), signed) } catch {
      throw AWSError("the endpoint of \(service.rawValue) \(error)")
    }
  }

  private func named(_ service: Service) -> String {
    guard !isTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") else { return "" }
    let own = environment["AWS_ENDPOINT_URL_\(service.variable)"] ?? ""
    return own.isEmpty ? environment["AWS_ENDPOINT_URL"] ?? "" : own
  }

  private func isTrue(_ name: String) -> Bool { environment[name]?.lowercased() == "true" }

  private static func host(of service: Service, region: String) -> (host: String, region: String) {
    guard let partition = partitions.first(where: { region.hasPrefix($0.regions) }) else { return ("", region) }
    let suffix = partition.suffix
    switch (service, partition.identity) {
    case (.iam, "us-east-1"): return ("iam.\(suffix)", "us-east-1")
    case (.iam, "us-gov-west-1"): return ("iam.us-gov.\(suffix)", "us-gov-west-1")
    case (.iam, let home): return ("iam.\(home).\(suffix)", home)
    case (.organizations, _): return ("organizations.\(partition.organizations).\(suffix)", partition.organizations)
    default: return ("\(service.rawValue).\(region).\(suffix)", region)
    }
  }
}
