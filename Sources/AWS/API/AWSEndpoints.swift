package import HTTP

/// Where AWS's APIs are, by service and region. A value.
///
/// `AWS_ENDPOINT_URL_<SERVICE>` and `AWS_ENDPOINT_URL`, and the keys of the profile that are their like, name other places,
/// as for AWS's own tools; `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT` choose among AWS's own. STS is asked in
/// the region, never at its global endpoint, as aws-sdk-go-v2 does.
package struct AWSEndpoints: Sendable {
  package enum Service: String, Sendable {
    case ec2, iam, sts, organizations, eks, autoscaling
    case sso = "portal.sso"

    /// As the shared file and, in capitals, the names of environment variables have it.
    fileprivate var settingName: String {
      switch self {
      case .autoscaling: "auto_scaling"
      case .sso: "sso"
      default: rawValue
      }
    }
  }

  private let configuration: AWSConfiguration

  package init(_ configuration: AWSConfiguration) { self.configuration = configuration }

  package init(environment: [String: String]) {
    configuration = AWSConfiguration(environment: environment, files: AWSSharedFiles())
  }

  /// The URL of the service, and the region that its requests are signed for.
  package func place(of service: Service, region: String) throws(AWSError) -> (url: WebURL, region: String) {
    // A region becomes part of a host's name.
    let isRegion = region.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || byte == UInt8(ascii: "-")
    }
    guard isRegion, (1...32).contains(region.utf8.count) else { throw AWSError("\(region) is no region of AWS") }
    let hosts = AWSHosts(
      region: region, isFIPS: configuration.isTrue("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
      isDualStack: configuration.isTrue("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint"))
    let named = configuration.endpoint(of: service.settingName)
    do {
      return (try WebURL(anyScheme: named ?? "https://\(hosts.host(of: service))/"), hosts.signingRegion(of: service))
    } catch {
      throw AWSError("the endpoint of \(service.settingName) \(error)")
    }
  }
}
