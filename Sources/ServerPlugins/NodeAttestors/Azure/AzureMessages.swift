import NodeProofs

/// What agents of Azure send (server-plugins §4.8, §4.9): bounded, and nothing in it is verified.
package enum AzureMessages {
  /// The token in the payload of `azure_msi`: `{"token":"<JWT>"}`.
  package static func msiToken(_ payload: [UInt8]) throws(ServerPluginError) -> String {
    guard !payload.isEmpty else { throw ServerPluginError(.invalidArgument, "missing attestation payload") }
    let token: String
    do { token = try MessageMembers(payload).string("token") } catch {
      throw ServerPluginError(.invalidArgument, "failed to unmarshal data payload: \(error)", cause: error)
    }
    guard !token.isEmpty else {
      throw ServerPluginError(.invalidArgument, "missing token from attestation data")
    }
    return token
  }

  /// The response to the challenge of `azure_imds`:
  /// `{"document":{"encoding":"pkcs7","signature":"<base64>"},"metadata":{"agentDomain":"…","vmssName":null}}`.
  package struct AttestedDocument: Hashable, Sendable {
    /// Base64, as Azure's metadata service wrote it.
    package let signature: String
    /// The agent says so: a hint where to look, and no more.
    package let domain: String
    /// The same; nil when the machine is in no scale set.
    package let scaleSet: String?

    package init(_ response: [UInt8]) throws(ServerPluginError) {
      guard !response.isEmpty else { throw ServerPluginError(.invalidArgument, "missing attestation payload") }
      do {
        let members = try MessageMembers(response)
        let metadata = try members.object("metadata")
        signature = try members.object("document")?.string("signature") ?? ""
        domain = try metadata?.string("agentDomain") ?? ""
        scaleSet = try metadata?.optionalString("vmssName")
      } catch {
        throw ServerPluginError(.invalidArgument, "failed to unmarshal data payload: \(error)", cause: error)
      }
    }
  }
}
