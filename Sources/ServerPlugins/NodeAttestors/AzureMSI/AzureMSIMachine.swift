import Azure
import Daemon
import SPIFFE
import Synchronization

/// The one virtual machine that has a managed identity, as Azure Resource Manager knows it. A value.
struct AzureMSIMachine: Sendable {
  /// The machine, its networks and what guards them; each once.
  let selectorValues: Set<String>

  /// Azure allows eight.
  private static let maximumInterfaces = 64
  private static let compute = "Microsoft.Compute"
  private static let network = "Microsoft.Network"

  /// Looks the machine up.
  static func find(
    principal: String, subscription: String, _ api: AzureAPI
  ) async throws(ServerPluginError) -> AzureMSIMachine {
    let resource: String
    do { resource = try await machineID(principal, subscription, api) } catch {
      throw ServerPluginError("unable to get resource for principal \(GoText.quote(principal))", error)
    }
    guard let id = AzureResourceID(resource, provider: compute, types: ["virtualMachines"]) else {
      throw malformed("virtual machine", resource)
    }
    let (group, name) = (id.resourceGroup, id.names[0])
    var values: Set = ["subscription-id:\(subscription)", "vm-name:\(group):\(name)"]
    let machine: JSONValue
    do {
      machine = try await api.get(path(subscription, group, compute, "virtualMachines", name), version: "2024-07-01")
    } catch {
      throw ServerPluginError("unable to get virtual machine \(GoText.quote("\(group):\(name)"))", error)
    }
    let references = machine["properties"]?["networkProfile"]?["networkInterfaces"]?.array ?? []
    guard references.count <= maximumInterfaces else {
      throw ServerPluginError(.internal, "the virtual machine has more than \(maximumInterfaces) network interfaces")
    }
    for reference in references.compactMap({ $0["id"]?.string }) {
      values.formUnion(try await interface(reference, subscription, api))
    }
    return AzureMSIMachine(selectorValues: values)
  }

  /// The ID of the one machine whose identity this is.
  private static func machineID(
    _ principal: String, _ subscription: String, _ api: AzureAPI
  ) async throws(AzureError) -> String {
    // It goes into a filter: nothing that would end the text there.
    guard AzureName.isIdentifier(principal) else {
      throw AzureError(.notFound, "principal \(GoText.quote(principal)) not found")
    }
    let filter =
      "resourceType eq 'Microsoft.Compute/virtualMachines' and identity/principalId eq '\(principal)'"
    let found = Mutex<[JSONValue]>([])
    do {
      try await api.list(
        ["subscriptions", subscription, "resources"], version: "2021-04-01", query: [("$filter", filter)]
      ) { page in
        found.withLock { all in
          all += page.prefix(2)
          return all.count > 1
        }
      }
    } catch {
      throw AzureError(error.code, "unable to list virtual machine by principal: \(error.message)")
    }
    let all = found.withLock { $0 }
    guard let machine = all.first else {
      throw AzureError(.notFound, "principal \(GoText.quote(principal)) not found")
    }
    guard all.count == 1 else {
      throw AzureError(.refused, "expected one result for principal \(GoText.quote(principal)) at most")
    }
    guard let id = machine["id"]?.string, !id.isEmpty else {
      throw AzureError(.unavailable, "virtual machine resource missing ID")
    }
    return id
  }

  private static func interface(
    _ reference: String, _ subscription: String, _ api: AzureAPI
  ) async throws(ServerPluginError) -> Set<String> {
    guard let id = AzureResourceID(reference, provider: network, types: ["networkInterfaces"]) else {
      throw malformed("network interface", reference)
    }
    let (group, name) = (id.resourceGroup, id.names[0])
    let interface: JSONValue
    do {
      interface = try await api.get(
        path(subscription, group, network, "networkInterfaces", name), version: "2024-05-01")
    } catch {
      throw ServerPluginError("unable to get network interface \(GoText.quote("\(group):\(name)"))", error)
    }
    let properties = interface["properties"]
    var values: Set<String> = []
    if let text = properties?["networkSecurityGroup"]?["id"]?.string {
      guard let id = AzureResourceID(text, provider: network, types: ["networkSecurityGroups"]) else {
        throw malformed("network security group", text)
      }
      values.insert("network-security-group:\(id.resourceGroup):\(id.names[0])")
    }
    for address in properties?["ipConfigurations"]?.array ?? [] {
      guard let text = address["properties"]?["subnet"]?["id"]?.string else { continue }
      guard let id = AzureResourceID(text, provider: network, types: ["virtualNetworks", "subnets"]) else {
        throw malformed("virtual network subnet", text)
      }
      values.insert("virtual-network:\(id.resourceGroup):\(id.names[0])")
      values.insert("virtual-network-subnet:\(id.resourceGroup):\(id.names[0]):\(id.names[1])")
    }
    return values
  }

  private static func path(
    _ subscription: String, _ group: String, _ provider: String, _ type: String, _ name: String
  ) -> [String] {
    ["subscriptions", subscription, "resourceGroups", group, "providers", provider, type, name]
  }

  private static func malformed(_ what: String, _ id: String) -> ServerPluginError {
    ServerPluginError(.internal, "malformed \(what) ID \(GoText.quote(String(id.prefix(512))))")
  }
}
