import HTTP
import SPIFFE

/// What Azure says of the machine that the server runs on, as far as it is needed. A value.
package struct AzureMachine: Sendable {
  package let subscription: String

  /// Asks the machine's instance metadata service.
  package static func own(_ web: AzureWeb) async throws(AzureError) -> AzureMachine {
    let url = try web.places.url(AzurePlaces.metadataHost, "/metadata/instance?api-version=2025-04-07&format=json")
    let compute = try await web.json(HTTPRequest(.get, url, headers: [HTTPField("Metadata", "true")]))["compute"]
    for (name, what) in [
      ("name", "name"), ("subscriptionId", "subscription id"), ("resourceGroupName", "resource group name"),
    ] where (compute?[name]?.string ?? "").isEmpty {
      throw AzureError(.unavailable, "response missing instance \(what)")
    }
    return AzureMachine(subscription: compute?["subscriptionId"]?.string ?? "")
  }
}
