import NodeProofs
import SPIFFE
import X509

/// A node whose DevID key is in the TPM that answered. Its one initialiser takes the checked claim and both halves of the
/// answer; ID and selectors come out of the DevID certificate's verified chain alone.
struct TPMDevIDNode: VerifiedNode {
  let agentID: SPIFFEID
  let selectorValues: [String]
  var canReattest: Bool { true }

  init(
    _ claim: TPMDevIDClaim, challenge: TPMDevIDChallenge, response: TPMDevIDMessages.Response,
    host: any NodeAttestorHost
  ) throws(ServerPluginError) {
    guard claim.key.isValidX509Signature(response.devID, for: challenge.message.devID, digest: .sha256) else {
      let kind =
        if case .rsa = claim.key.keyType { "crypto/rsa: verification error" } else {
          "x509: ECDSA verification failure"
        }
      throw ServerPluginError(.invalidArgument, "devID challenge verification failed: \(kind)")
    }
    guard challenge.isContent(response.activated) else {
      throw ServerPluginError(.invalidArgument, "credential activation failed: nonces are different")
    }
    let chain = claim.chain
    do {
      agentID = try host.agentID("/tpm_devid/" + X509PoPFields.fingerprint(chain.leafDER))
    } catch {
      throw ServerPluginError(.internal, "failed to create agent ID: \(error)", cause: error)
    }
    var values: [String] = []
    if let name = X509PoPFields.commonName(of: chain.leaf.subject), !name.isEmpty {
      values.append("subject:cn:" + name)
    }
    if let name = X509PoPFields.commonName(of: chain.leaf.issuer), !name.isEmpty { values.append("issuer:cn:" + name) }
    selectorValues = values + X509PoPFields.authoritySelectors(of: chain)
  }
}
