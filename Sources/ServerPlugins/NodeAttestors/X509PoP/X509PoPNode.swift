import Crypto
import Logging
import NodeProofs
import SPIFFE
import X509

/// A node that has the private key of a certificate that led to a root. Its one initialiser takes the verified chain and
/// checks the proof; ID and selectors come out of that chain's bytes alone.
struct X509PoPNode: VerifiedNode {
  let agentID: SPIFFEID
  let selectorValues: [String]
  var canReattest: Bool { true }

  init(
    _ chain: VerifiedX509Chain, key: PublicKey, challenge: X509PoPMessages.Challenge,
    response: X509PoPMessages.Response, settings: X509PoPSettings, host: any NodeAttestorHost, logger: Logger
  ) throws(ServerPluginError) {
    do { try X509PoPProof.verify(response, to: challenge, key: key) } catch {
      throw ServerPluginError(.permissionDenied, "challenge response verification failed: \(error)", cause: error)
    }
    var svidPath = ""
    if case .spiffe(let prefix) = settings.mode {
      svidPath = try Self.svidPath(of: chain, below: prefix, in: host.trustDomain)
    }
    let san = Self.sanSelectors(of: chain, host.trustDomain, logger)
    let fields = X509PoPFields(
      chain: chain, trustDomain: host.trustDomain, svidPath: svidPath, sanSelectors: san)
    let path: String
    do { path = try settings.template.path(fields.value) } catch {
      throw ServerPluginError(.internal, "failed to make spiffe id: \(error)", cause: error)
    }
    agentID = try host.agentID(path)
    selectorValues = Self.selectors(of: chain, fields, san)
  }

  /// The path of the SVID without the prefix.
  private static func svidPath(
    of chain: VerifiedX509Chain, below prefix: String, in trustDomain: TrustDomain
  ) throws(ServerPluginError) -> String {
    let uri = uris(of: chain).first { $0.lowercased().hasPrefix("spiffe:") }
    guard let uri, let id = try? SPIFFEID(uri), id.isMember(of: trustDomain) else {
      throw ServerPluginError(.permissionDenied, "valid SVID x509 cert not found")
    }
    guard id.path.hasPrefix(prefix) else {
      throw ServerPluginError(.permissionDenied, "x509 cert doesnt match SVID prefix")
    }
    return String(id.path.dropFirst(prefix.count))
  }

  private static func uris(of chain: VerifiedX509Chain) -> [String] {
    chain.names.compactMap { if case .uniformResourceIdentifier(let uri) = $0 { uri } else { nil } }
  }

  /// What URIs `x509pop://<trust domain>/<key>/<value>` say: of two with one key the last.
  private static func sanSelectors(
    of chain: VerifiedX509Chain, _ trustDomain: TrustDomain, _ logger: Logger
  ) -> [String: String] {
    let prefix = "x509pop://\(trustDomain.name)/"
    var selectors: [String: String] = [:]
    for uri in uris(of: chain) where uri.hasPrefix(prefix) {
      let path = decoded(uri.dropFirst(prefix.count).prefix { $0 != "?" && $0 != "#" })
      let trimmed = path.drop { $0 == "/" }
      let end = trimmed.lastIndex { $0 != "/" }.map { trimmed.index(after: $0) } ?? trimmed.startIndex
      let parts = trimmed[..<end].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        logger.warning("cannot extract x509pop san selectors from \(uri.prefix(256))")
        continue
      }
      selectors[String(parts[0])] = String(parts[1])
    }
    return selectors
  }

  /// Percent escapes resolved, as Go's parser of URLs does; what is no escape stays.
  private static func decoded(_ text: some StringProtocol) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func selectors(
    of chain: VerifiedX509Chain, _ fields: X509PoPFields, _ san: [String: String]
  ) -> [String] {
    var values: [String] = []
    if let name = fields.commonName, !name.isEmpty { values.append("subject:cn:" + name) }
    values += X509PoPFields.authoritySelectors(of: chain)
    values.append("serialnumber:" + fields.serialNumberHex)
    for (key, value) in san.sorted(by: { $0.key < $1.key }) { values.append("san:\(key):\(value)") }
    return values
  }
}
