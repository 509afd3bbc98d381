import Azure
import Daemon
import FoundationEssentials
import SPIFFE
import X509

/// What Azure's metadata service signed about a virtual machine, once the certificate that signed it has led to one of
/// Azure's roots. Only ``verify(_:settings:issuers:at:)`` makes one, out of the bytes that were signed.
///
/// The certificate that signed, the one whose names count and the one whose chain is verified are one value; others that
/// the message brings are not looked at.
struct VerifiedAttestedDocument: Sendable {
  let nonce: String
  let machineID: String
  let subscriptionID: String

  /// The longest text of a document's signature. In bytes.
  private static let maximumText = 128 << 10
  private static let maximumRSAKey = 8192

  private init(_ content: VerifiedContent) throws(Refusal) {
    let limits = JSONLimits(maximumBytes: SignedMessage.maximumSize, maximumDepth: 16, rejectsDuplicates: true)
    let fields: JSONValue
    do { fields = try JSONValue(parsing: content.bytes, limits: limits) } catch {
      throw Refusal("failed to unmarshal attested document payload: \(error)")
    }
    guard fields.object != nil else {
      throw Refusal("failed to unmarshal attested document payload: it is no object")
    }
    func text(_ name: String) -> String { fields[name]?.string ?? "" }
    (nonce, machineID, subscriptionID) = (text("nonce"), text("vmId"), text("subscriptionId"))
  }

  /// Why a document is refused.
  private struct Refusal: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  /// - Parameter document: as the agent sent it.
  static func verify(
    _ document: AzureMessages.AttestedDocument, settings: AzureIMDSSettings, issuers: AzureIssuers, at now: Date
  ) async throws(ServerPluginError) -> VerifiedAttestedDocument {
    do throws(Refusal) {
      return try await verified(document, settings, issuers, now)
    } catch {
      throw ServerPluginError(.invalidArgument, "failed to validate attested document: \(error.text)", cause: error)
    }
  }

  private static func verified(
    _ document: AzureMessages.AttestedDocument, _ settings: AzureIMDSSettings, _ issuers: AzureIssuers, _ now: Date
  ) async throws(Refusal) -> VerifiedAttestedDocument {
    let message = try message(document.signature)
    guard !message.certificates.isEmpty else { throw Refusal("no certificates found in PKCS7 signature") }
    guard let signer = try? message.signerCertificate() else {
      throw Refusal("expected exactly one signer certificate in PKCS7 signature")
    }
    guard X509ChainVerifier.rsaKeySize(ofCertificate: signer) ?? 0 <= maximumRSAKey,
      let certificate = try? X509Certificates.parse(der: signer),
      let key = try? X509Certificates.publicKey(of: certificate)
    else { throw Refusal("failed to parse PKCS7 signature: the signer's certificate cannot be read") }
    // What costs nothing comes first: anybody may send anything here.
    try checkNames(certificate, settings.metadataDomains)
    let content: VerifiedContent
    do { content = try message.verified(with: key) } catch {
      throw Refusal("signature verification failed: \(error)")
    }
    let issuer: [UInt8]
    do { issuer = try await issuers.issuer(of: certificate, roots: settings.roots, at: now) } catch {
      throw Refusal("failed to get intermediate certificate: \(error)")
    }
    try checkChain(signer, issuer, settings.roots, now)
    return try VerifiedAttestedDocument(content)
  }

  private static func message(_ text: String) throws(Refusal) -> SignedMessage {
    guard !text.isEmpty else { throw Refusal("missing signature in attested document") }
    guard text.utf8.count <= maximumText else { throw Refusal("the signature has more than \(maximumText) bytes") }
    let bytes: [UInt8]
    do { bytes = try Base64.decode(text, ignoringNewlines: true) } catch {
      throw Refusal("failed to decode signature: \(error)")
    }
    do { return try SignedMessage(parsing: bytes) } catch {
      throw Refusal("failed to parse PKCS7 signature: \(error)")
    }
  }

  /// One of the certificate's names is one of `domains` or below it.
  private static func checkNames(_ certificate: Certificate, _ domains: [String]) throws(Refusal) {
    let names = (try? X509Certificates.dnsNames(of: certificate)) ?? []
    let isOne = names.lazy.map { $0.lowercased() }.contains { name in
      domains.contains { name == $0 || name.hasSuffix("." + $0) }
    }
    guard isOne else {
      let found = names.prefix(10).joined(separator: " ").prefix(300)
      throw Refusal(
        "signing certificate validation failed: certificate does not have any valid domain in SAN "
          + "(found SANs=[\(found)], allowed domains=[\(domains.joined(separator: " "))])")
    }
  }

  /// A way to a root on which every certificate may vouch for servers, as Go's verification asks for by default.
  private static func checkChain(
    _ signer: [UInt8], _ issuer: [UInt8], _ roots: X509ChainVerifier, _ now: Date
  ) throws(Refusal) {
    let chain: VerifiedX509Chain
    do { chain = try roots.verify(leaf: signer, intermediates: [issuer], at: now) } catch {
      throw Refusal(
        "certificate chain validation failed: unable to verify signing certificate against root CAs: \(error)")
    }
    guard chain.paths.contains(where: { path in path.allSatisfy(mayVouchForServers) }) else {
      throw Refusal(
        "certificate chain validation failed: unable to verify signing certificate against root CAs: x509: certificate "
          + "specifies an incompatible key usage")
    }
  }

  private static func mayVouchForServers(_ der: [UInt8]) -> Bool {
    guard let certificate = try? X509Certificates.parse(der: der) else { return false }
    guard certificate.extensions[oid: .X509ExtensionID.extendedKeyUsage] != nil else { return true }
    guard let usage = try? certificate.extensions.extendedKeyUsage else { return false }
    return usage.contains { $0 == .serverAuth || $0 == .any }
  }
}
