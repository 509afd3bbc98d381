package import Azure
package import SPIFFE

/// What Azure says of a virtual machine, as far as `azure_imds` makes selectors of it. A value; whatever JSON comes, it is
/// read or refused.
package struct AzureIMDSMachine: Hashable, Sendable {
  package struct Interface: Hashable, Sendable {
    package var securityGroup: SecurityGroup?
    package var subnets: [Subnet] = []
  }

  package struct SecurityGroup: Hashable, Sendable {
    package var resourceGroup: String
    package var name: String
  }

  package struct Subnet: Hashable, Sendable {
    package var network: String
    package var name: String
  }

  package let name: String
  package let location: String
  package let resourceGroup: String
  package let tags: [String: String]
  package var interfaces: [Interface]
  /// As Azure calls it; nil for a machine that is in none, or that did not say so.
  package let scaleSet: String?

  /// Of a machine: Azure allows eight interfaces, 256 addresses each.
  private static let maximumInterfaces = 256

  /// A machine that stands alone, from a row of Resource Graph. Its interfaces come from ``interfaces(rows:)``.
  package init(row: JSONValue) throws(AzureError) {
    name = try Self.text(row, "name")
    location = try Self.text(row, "location")
    resourceGroup = try Self.text(row, "resourceGroup")
    tags = Self.tags(row["tags"])
    interfaces = []
    scaleSet = nil
  }

  /// A machine of a scale set, from the list of its machines.
  ///
  /// - Parameters:
  ///   - scaleSet: the name that Azure calls it by.
  ///   - resourceGroup: of the scale set.
  package init(member: JSONValue, scaleSet: String, resourceGroup: String) throws(AzureError) {
    name = try Self.text(member, "name")
    location = try Self.text(member, "location")
    self.resourceGroup = resourceGroup
    tags = Self.tags(member["tags"])
    let configurations =
      member["properties"]?["networkProfileConfiguration"]?["networkInterfaceConfigurations"]?.array ?? []
    // SPIRE: an interface that cannot be read is passed over.
    interfaces = configurations.prefix(Self.maximumInterfaces).compactMap(Self.interface)
    self.scaleSet = scaleSet
  }

  /// The interfaces of a machine, from rows of Resource Graph.
  package static func interfaces(rows: [JSONValue]) -> [Interface] {
    rows.prefix(maximumInterfaces).map { row in
      let group = row["securityGroup"]
      let (owner, name) = (group?["resourceGroup"]?.string ?? "", group?["name"]?.string ?? "")
      let subnets = (row["subnets"]?.array ?? []).prefix(maximumInterfaces).compactMap { item -> Subnet? in
        guard let network = item["vnet"]?.string, !network.isEmpty else { return nil }
        return Subnet(network: network, name: item["name"]?.string ?? "")
      }
      return Interface(
        securityGroup: owner.isEmpty && name.isEmpty ? nil : SecurityGroup(resourceGroup: owner, name: name),
        subnets: subnets)
    }
  }

  private static func interface(_ configuration: JSONValue) -> Interface? {
    guard configuration["name"]?.string != nil else { return nil }
    let network = "Microsoft.Network"
    var interface = Interface()
    let properties = configuration["properties"]
    if let text = properties?["networkSecurityGroup"]?["id"]?.string {
      guard let id = AzureResourceID(text, provider: network, types: ["networkSecurityGroups"]) else { return nil }
      interface.securityGroup = SecurityGroup(resourceGroup: id.resourceGroup, name: id.names[0])
    }
    for address in (properties?["ipConfigurations"]?.array ?? []).prefix(maximumInterfaces) {
      guard let text = address["properties"]?["subnet"]?["id"]?.string else { continue }
      guard let id = AzureResourceID(text, provider: network, types: ["virtualNetworks", "subnets"]) else { return nil }
      interface.subnets.append(Subnet(network: id.names[0], name: id.names[1]))
    }
    return interface
  }

  private static func text(_ row: JSONValue, _ name: String) throws(AzureError) -> String {
    guard let text = row[name]?.string, !text.isEmpty else {
      throw AzureError(.unavailable, "the virtual machine has no \(name)")
    }
    return text
  }

  private static func tags(_ value: JSONValue?) -> [String: String] {
    var tags: [String: String] = [:]
    for member in value?.object?.members ?? [] { tags[member.name] = member.value.string }
    return tags
  }
}
