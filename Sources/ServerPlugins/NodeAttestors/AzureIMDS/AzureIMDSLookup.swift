import Azure
import Daemon
import SPIFFE
import Synchronization

/// Finds the virtual machine of a verified document in a tenant, through Azure Resource Graph and, for scale sets, Resource
/// Manager. A value; keeps nothing.
///
/// What goes into queries has been checked: the machine's ID is a UUID, a scale set's name is one, and the ID of a resource
/// has the form of one.
struct AzureIMDSLookup: Sendable {
  private static let compute = "Microsoft.Compute"

  let api: AzureAPI
  let identity: AzureIMDSIdentity

  /// - Parameter scaleSet: what the agent says that its machine is in. The machine counts only if it is found there.
  func machine(scaleSet: String?) async throws(ServerPluginError) -> AzureIMDSMachine {
    guard let scaleSet else { return try await machine() }
    return try await member(of: scaleSet)
  }

  // MARK: Machines that stand alone

  private func machine() async throws(ServerPluginError) -> AzureIMDSMachine {
    let row = try await row(
      "unable to get virtual machine",
      "resources | where type =~ 'microsoft.compute/virtualmachines' "
        + "| where properties.vmId =~ '\(identity.machineID)' "
        + "| project id, name, location, tags, tenantId, resourceGroup, vmId = properties.vmId")
    do throws(AzureError) {
      var machine = try AzureIMDSMachine(row: row)
      let text = row["id"]?.string ?? ""
      guard AzureResourceID(text, provider: Self.compute, types: ["virtualMachines"]) != nil,
        row["vmId"]?.string?.lowercased() == identity.machineID.lowercased()
      else { throw AzureError(.unavailable, "malformed virtual machine ID \(GoText.quote(String(text.prefix(512))))") }
      machine.interfaces = try await interfaces(of: text)
      return machine
    } catch {
      throw Self.failure("unable to get virtual machine", error)
    }
  }

  private func interfaces(of machine: String) async throws(AzureError) -> [AzureIMDSMachine.Interface] {
    do {
      // Resource Graph writes the machine's ID in other letter cases here and there.
      return AzureIMDSMachine.interfaces(
        rows: try await api.rows(
          "resources | where type =~ 'microsoft.network/networkinterfaces' "
            + "| where properties.virtualMachine.id =~ '\(machine)' "
            + "| mv-expand ipConfig = properties.ipConfigurations "
            + "| extend subnetId = tostring(ipConfig.properties.subnet.id) "
            + "| extend nsgId = tostring(properties.networkSecurityGroup.id) "
            + "| extend vnetName = extract('(?i)virtualNetworks/([^/]+)', 1, subnetId) "
            + "| extend subnetName = extract('(?i)subnets/([^/]+)$', 1, subnetId) "
            + "| extend subnetObj = bag_pack('vnet', vnetName, 'name', subnetName) "
            + "| summarize subnets = make_list(subnetObj) by id, name, nsgId "
            + "| extend nsgGroup = extract('(?i)resourceGroups/([^/]+)', 1, nsgId) "
            + "| extend nsgName = extract('(?i)networkSecurityGroups/([^/]+)', 1, nsgId) "
            + "| project name, subnets, securityGroup = bag_pack('resourceGroup', nsgGroup, 'name', nsgName)",
          subscription: identity.subscriptionID))
    } catch {
      throw AzureError(error.code, "unable to get network interfaces: \(error.message)")
    }
  }

  // MARK: Scale sets

  private func member(of name: String) async throws(ServerPluginError) -> AzureIMDSMachine {
    try Self.checkScaleSetName(name)
    let row = try await row(
      "unable to get VMSS info",
      "resources | where type =~ 'microsoft.compute/virtualmachinescalesets' | where name == '\(name)' "
        + "| project id, name, location, tenantId, resourceGroup, subscriptionId")
    guard let found = row["name"]?.string, found == name, let group = row["resourceGroup"]?.string else {
      throw ServerPluginError(.internal, "unable to get VMSS info: the answer names another scale set")
    }
    let member = Mutex<JSONValue?>(nil)
    let wanted = identity.machineID.lowercased()
    do {
      try await api.list(
        [
          "subscriptions", identity.subscriptionID, "resourceGroups", group, "providers", Self.compute,
          "virtualMachineScaleSets", found, "virtualMachines",
        ], version: "2024-07-01"
      ) { page in
        guard let hit = page.first(where: { $0["properties"]?["vmId"]?.string?.lowercased() == wanted }) else {
          return false
        }
        member.withLock { $0 = hit }
        return true
      }
    } catch {
      throw Self.failure("unable to list VMSS instances", error)
    }
    guard let hit = member.withLock({ $0 }) else {
      throw ServerPluginError(.internal, "VMSS instance \(GoText.quote(identity.machineID)) not found")
    }
    do { return try AzureIMDSMachine(member: hit, scaleSet: found, resourceGroup: group) } catch {
      throw Self.failure("unable to list VMSS instances", error)
    }
  }

  /// Azure's rules for names of scale sets.
  static func checkScaleSetName(_ name: String) throws(ServerPluginError) {
    func invalid(_ why: String) -> ServerPluginError {
      ServerPluginError(.invalidArgument, "invalid VMSS name: VMSS name \(why)")
    }
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
    let bytes = Array(name.utf8)
    guard let first = bytes.first, let last = bytes.last else {
      throw invalid("must be at least 1 character(s) long, got 0")
    }
    guard bytes.count <= 64 else { throw invalid("must be at most 64 characters long, got \(bytes.count)") }
    guard bytes.allSatisfy({ isAlphanumeric($0) || "._-".utf8.contains($0) }) else {
      throw invalid("can only contain alphanumeric characters, underscores, periods, and hyphens")
    }
    guard isAlphanumeric(first) else { throw invalid("must start with an alphanumeric character") }
    guard isAlphanumeric(last) || last == UInt8(ascii: "_") else {
      throw invalid("must end with an alphanumeric character or an underscore")
    }
  }

  // MARK: Resource Graph

  /// The one row that a query finds, which must be of the tenant that the agent named: credentials may reach several.
  private func row(_ what: String, _ query: String) async throws(ServerPluginError) -> JSONValue {
    let rows: [JSONValue]
    do { rows = try await api.rows(query, subscription: identity.subscriptionID) } catch {
      throw Self.failure(what, error)
    }
    guard rows.count == 1, let row = rows.first else {
      throw ServerPluginError(.internal, "expected one result for resource at most")
    }
    guard row["tenantId"]?.string?.lowercased() == identity.tenantID.lowercased() else {
      throw ServerPluginError(.permissionDenied, "the virtual machine is not in the tenant that its agent names")
    }
    return row
  }

  private static func failure(_ what: String, _ error: AzureError) -> ServerPluginError {
    if error.code == .notFound, error.message == "resource not found" {
      return ServerPluginError(.notFound, error.message, cause: error)
    }
    return ServerPluginError(what, error)
  }
}
