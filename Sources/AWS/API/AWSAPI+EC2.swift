import Daemon
package import FoundationEssentials

/// What EC2 says of a machine, as far as attestation needs it. A value.
package struct EC2Instance: Hashable, Sendable {
  package struct Tag: Hashable, Sendable {
    package var key: String
    package var value: String
  }
  package struct SecurityGroup: Hashable, Sendable {
    package var id: String
    package var name: String
  }
  package struct Attachment: Hashable, Sendable {
    package var attachTime: Date?
  }
  package struct BlockDevice: Hashable, Sendable {
    package var name: String
    package var attachTime: Date?
  }

  package var id: String
  package var tags: [Tag]
  package var securityGroups: [SecurityGroup]
  /// The ARN of the instance profile.
  package var profile: String?
  /// `ebs` or `instance-store`.
  package var rootDeviceType: String?
  package var rootDeviceName: String?
  package var blockDevices: [BlockDevice]
  /// Of the network interface with the index 0, which the machine has had since it was made.
  package var primaryInterface: Attachment?

  init(_ item: XMLElement) {
    id = item.string("instanceId") ?? ""
    tags = item.items("tagSet").map { Tag(key: $0["key"]?.text ?? "", value: $0["value"]?.text ?? "") }
    securityGroups = item.items("groupSet").map {
      SecurityGroup(id: $0["groupId"]?.text ?? "", name: $0["groupName"]?.text ?? "")
    }
    profile = item["iamInstanceProfile"]?.string("arn")
    rootDeviceType = item.string("rootDeviceType")
    rootDeviceName = item.string("rootDeviceName")
    blockDevices = item.items("blockDeviceMapping").map {
      BlockDevice(
        name: $0["deviceName"]?.text ?? "", attachTime: $0["ebs"]?.string("attachTime").flatMap(GoTime.parseRFC3339))
    }
    primaryInterface = item.items("networkInterfaceSet").compactMap { $0["attachment"] }
      .first { $0.string("deviceIndex") == "0" }
      .map { Attachment(attachTime: $0.string("attachTime").flatMap(GoTime.parseRFC3339)) }
  }
}

extension AWSAPI {
  /// The instances of this ID that run or are about to (ec2:DescribeInstances).
  package func instances(_ id: String, region: String) async throws(AWSError) -> [EC2Instance] {
    let answer = try await query(
      .ec2, region: region, action: "DescribeInstances", version: "2016-11-15",
      [
        ("InstanceId.1", id), ("Filter.1.Name", "instance-state-name"), ("Filter.1.Value.1", "pending"),
        ("Filter.1.Value.2", "running"),
      ])
    return answer.items("reservationSet").flatMap { $0.items("instancesSet").map(EC2Instance.init) }
  }

  /// The ARNs of the roles of an instance profile (iam:GetInstanceProfile).
  package func roles(ofProfile name: String, region: String) async throws(AWSError) -> [String] {
    let answer = try await query(
      .iam, region: region, action: "GetInstanceProfile", version: "2010-05-08", [("InstanceProfileName", name)])
    guard let profile = answer["GetInstanceProfileResult"]?["InstanceProfile"] else {
      throw AWSError("GetInstanceProfile: the answer of AWS has no profile")
    }
    return profile.items("Roles", "member").compactMap { $0.string("Arn") }
  }

  /// The IDs of the instances of an Auto Scaling group (autoscaling:DescribeAutoScalingGroups).
  package func instances(ofGroup name: String, region: String) async throws(AWSError) -> [String] {
    try await pages { (token) throws(AWSError) in
      let answer = try await query(
        .autoscaling, region: region, action: "DescribeAutoScalingGroups", version: "2011-01-01",
        [("AutoScalingGroupNames.member.1", name)] + (token.map { [("NextToken", $0)] } ?? []))
      let result = answer["DescribeAutoScalingGroupsResult"]
      let groups = result?.items("AutoScalingGroups", "member") ?? []
      return (
        groups.flatMap { $0.items("Instances", "member").compactMap { $0.string("InstanceId") } },
        result?.string("NextToken")
      )
    }
  }

  /// All that a call gives over several pages, at most a hundred.
  func pages<Item>(
    _ page: (_ token: String?) async throws(AWSError) -> (items: [Item], next: String?)
  ) async throws(AWSError) -> [Item] {
    var all: [Item] = []
    var token: String?
    for _ in 0..<100 {
      let (items, next) = try await page(token)
      all += items
      guard let next, !next.isEmpty else { return all }
      token = next
    }
    throw AWSError("AWS answers with more than a hundred pages")
  }
}
