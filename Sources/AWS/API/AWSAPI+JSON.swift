import FoundationEssentials

/// An account of an organization. A value.
package struct AWSAccount: Hashable, Sendable {
  package var id: String
  /// `ACTIVE`, `SUSPENDED` or `PENDING_CLOSURE`.
  package var status: String
}

extension AWSAPI {
  private struct Accounts: Decodable {
    struct Account: Decodable {
      var Id: String?
      var Status: String?
    }
    var Accounts: [Account]?
    var NextToken: String?
  }

  /// The accounts of the organization (organizations:ListAccounts).
  package func accounts(region: String) async throws(AWSError) -> [AWSAccount] {
    try await pages { (token) throws(AWSError) in
      let body = token.map { try? JSONEncoder().encode(["NextToken": $0]) } ?? Data("{}".utf8)
      let answer = try await json(
        .organizations, region: region, target: "AWSOrganizationsV20161128.ListAccounts", body: Array(body ?? Data()))
      let page = try Self.decode(Accounts.self, answer, "ListAccounts")
      return (
        (page.Accounts ?? []).map { AWSAccount(id: $0.Id ?? "", status: $0.Status ?? "") }, page.NextToken
      )
    }
  }

  private struct Nodegroups: Decodable {
    var nodegroups: [String]?
    var nextToken: String?
  }

  private struct Nodegroup: Decodable {
    struct Group: Decodable { var name: String? }
    struct Resources: Decodable { var autoScalingGroups: [Group]? }
    struct Description: Decodable { var resources: Resources? }
    var nodegroup: Description?
  }

  /// The IDs of all instances in the node groups of an EKS cluster (eks:ListNodegroups, eks:DescribeNodegroup,
  /// autoscaling:DescribeAutoScalingGroups).
  package func instances(ofCluster cluster: String, region: String) async throws(AWSError) -> [String] {
    let groups = try await pages { (token) throws(AWSError) in
      let answer = try await get(
        .eks, region: region, path: ["clusters", cluster, "node-groups"],
        query: token.map { [("nextToken", $0)] } ?? [])
      let page = try Self.decode(Nodegroups.self, answer, "ListNodegroups")
      return (page.nodegroups ?? [], page.nextToken)
    }
    var found: [String] = []
    for group in groups {
      let answer = try await get(.eks, region: region, path: ["clusters", cluster, "node-groups", group])
      let description = try Self.decode(Nodegroup.self, answer, "DescribeNodegroup")
      for name in (description.nodegroup?.resources?.autoScalingGroups ?? []).compactMap(\.name) {
        found += try await instances(ofGroup: name, region: region)
      }
    }
    return found
  }

  private static func decode<T: Decodable>(
    _ type: T.Type, _ body: [UInt8], _ what: String
  ) throws(AWSError) -> T {
    do { return try JSONDecoder().decode(type, from: Data(body)) } catch {
      throw AWSError("\(what): the answer of AWS is not read")
    }
  }
}
