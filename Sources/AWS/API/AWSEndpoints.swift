package import HTTP

/// Where AWS's APIs are, by service, region and partition. A value.
///
/// `AWS_ENDPOINT_URL_<SERVICE>` and `AWS_ENDPOINT_URL` name other places, as for AWS's own tools.
package struct AWSEndpoints: Sendable {
  package enum Service: String, Sendable {
    case ec2, iam, sts, organizations, eks, autoscaling
  }

  package let partition: String
  private let environment: [String: String]

  /// - Parameter partition: `aws`, `aws-cn` or `aws-us-gov`.
  package init(partition: String = "aws", environment: [String: String]) {
    self.partition = partition
    self.environment = environment
  }

  /// The URL of the service, and the region that its requests are signed for.
  package func place(of service: Service, region: String) throws(AWSError) -> (url: WebURL, region: String) {
    // A region becomes part of a host's name.
    let isRegion = region.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || byte == UInt8(ascii: "-")
    }
    guard isRegion, (1...32).contains(region.utf8.count) else { throw AWSError("\(region) is no region of AWS") }
    let (host, signed) = host(of: service, region: region)
    let named =
      environment["AWS_ENDPOINT_URL_\(service.rawValue.uppercased())"] ?? environment["AWS_ENDPOINT_URL"] ?? ""
    do { return (try WebURL(anyScheme: named.isEmpty ? "https://\(host)/" : named), signed) } catch {
      throw AWSError("the endpoint of \(service.rawValue) \(error)")
    }
  }

  private func host(of service: Service, region: String) -> (host: String, region: String) {
    let suffix = partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"
    switch (service, partition) {
    case (.iam, "aws-cn"): return ("iam.cn-north-1.\(suffix)", "cn-north-1")
    case (.iam, "aws-us-gov"): return ("iam.us-gov.\(suffix)", "us-gov-west-1")
    case (.iam, _): return ("iam.\(suffix)", "us-east-1")
    case (.organizations, "aws-cn"): return ("organizations.cn-northwest-1.\(suffix)", "cn-northwest-1")
    case (.organizations, "aws-us-gov"): return ("organizations.us-gov-west-1.\(suffix)", "us-gov-west-1")
    case (.organizations, _): return ("organizations.us-east-1.\(suffix)", "us-east-1")
    default: return ("\(service.rawValue).\(region).\(suffix)", region)
    }
  }
}
