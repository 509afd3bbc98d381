/// The names of the hosts where AWS's services are, for one region, as the endpoint rules of AWS's clients have them. A value;
/// the region was checked.
struct AWSHosts {
  /// A part of AWS that has nothing to do with the others. Its regions begin alike; the host names end alike.
  private struct Partition {
    let regions: String
    let suffix: String
    /// Of hosts with IPv6 addresses too.
    let dualStackSuffix: String
    /// The regions whose IAM and whose Organizations serve all of them.
    let identity: String
    var organizations: String?
    var isGovernment = false
    /// Whether IAM's host with IPv6 is called `iam.global`.
    var hasGlobalIAM = false
    /// Whether IAM's FIPS host has no region in its name.
    var hasOneFIPSIAM = true
  }

  private static let partitions = [
    Partition(
      regions: "cn-", suffix: "amazonaws.com.cn", dualStackSuffix: "api.amazonwebservices.com.cn",
      identity: "cn-north-1",
      organizations: "cn-northwest-1", hasGlobalIAM: true),
    Partition(
      regions: "us-gov-", suffix: "amazonaws.com", dualStackSuffix: "api.aws", identity: "us-gov-west-1",
      isGovernment: true),
    Partition(
      regions: "eusc-", suffix: "amazonaws.eu", dualStackSuffix: "api.amazonwebservices.eu", identity: "eusc-de-east-1",
      hasGlobalIAM: true),
    Partition(
      regions: "us-iso-", suffix: "c2s.ic.gov", dualStackSuffix: "api.aws.ic.gov", identity: "us-iso-east-1",
      hasOneFIPSIAM: false),
    Partition(
      regions: "us-isob-", suffix: "sc2s.sgov.gov", dualStackSuffix: "api.aws.scloud", identity: "us-isob-east-1",
      hasOneFIPSIAM: false),
    Partition(
      regions: "us-isof-", suffix: "csp.hci.ic.gov", dualStackSuffix: "api.aws.hci.ic.gov", identity: "us-isof-south-1"),
    Partition(
      regions: "eu-isoe-", suffix: "cloud.adc-e.uk", dualStackSuffix: "api.cloud-aws.adc-e.uk",
      identity: "eu-isoe-west-1"),
  ]
  private static let standard = Partition(
    regions: "", suffix: "amazonaws.com", dualStackSuffix: "api.aws", identity: "us-east-1", hasGlobalIAM: true)

  private let region: String
  private let partition: Partition
  private let isFIPS: Bool
  private let isDualStack: Bool

  init(region: String, isFIPS: Bool, isDualStack: Bool) {
    self.region = region
    self.isFIPS = isFIPS
    self.isDualStack = isDualStack
    partition = Self.partitions.first { region.hasPrefix($0.regions) } ?? Self.standard
  }

  func signingRegion(of service: AWSEndpoints.Service) -> String {
    switch service {
    case .iam: partition.identity
    case .organizations: partition.organizations ?? partition.identity
    default: region
    }
  }

  private var suffix: String { isDualStack ? partition.dualStackSuffix : partition.suffix }

  func host(of service: AWSEndpoints.Service) -> String {
    if service == .iam { return identityHost }
    // The government's hosts are FIPS hosts; only those with IPv6 say it, and Organizations' never do.
    let isSaid = isFIPS && !(partition.isGovernment && (!isDualStack || service == .organizations))
    var name = isSaid ? "\(service.rawValue)-fips" : service.rawValue
    if isSaid, service == .eks, !isDualStack, partition.regions.isEmpty { name = "fips.eks" }
    return "\(name).\(signingRegion(of: service)).\(suffix)"
  }

  private var identityHost: String {
    if partition.isGovernment { return "iam.us-gov.\(suffix)" }
    let name = isFIPS ? "iam-fips" : "iam"
    let isStandard = partition.regions.isEmpty
    if isDualStack {
      return (isFIPS ? isStandard : partition.hasGlobalIAM) ? "\(name).global.\(suffix)" : "\(name).\(suffix)"
    }
    let isOne = isStandard || isFIPS && partition.hasOneFIPSIAM
    return isOne ? "\(name).\(suffix)" : "\(name).\(partition.identity).\(suffix)"
  }
}
