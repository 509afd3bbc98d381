import Crypto
import CryptoExtras
import Daemon
import SPIFFE

/// The identity document of an instance, once a key of Amazon's has verified its bytes. Its one initialiser checks the
/// signature and reads the fields out of what was signed.
struct VerifiedInstanceDocument: Sendable {
  let accountID: String
  let region: String
  let instanceID: String
  let imageID: String
  let availabilityZone: String

  /// - Parameter payload: JSON of `document`, `signature` and `rsa2048`, as the agent sent it.
  init(_ payload: [UInt8], keys: AWSSigningKeys) throws(ServerPluginError) {
    let limits = JSONLimits(maximumBytes: 256 << 10, maximumDepth: 16)
    let data: JSONValue
    do { data = try JSONValue(parsing: payload, limits: limits) } catch {
      throw Self.refusal("failed to unmarshal the attestation data: \(error)", error)
    }
    func text(_ name: String) -> String {
      // Go reads the names of members without regard to case.
      data.object?.members.last { $0.name.lowercased() == name }?.value.string ?? ""
    }
    let document = Array(text("document").utf8)
    // The region says which key to try; nothing else is taken from here.
    let claimed = try Self.fields(document)["region"]?.string ?? ""
    let (pkcs7, signature) = (text("rsa2048"), text("signature"))
    let signed: [UInt8]
    if !pkcs7.isEmpty {
      signed = try Self.content(ofPKCS7: pkcs7, region: claimed, keys)
      guard signed == document else {
        throw Self.refusal("instance identity document does not match the verified PKCS7 content")
      }
    } else if !signature.isEmpty {
      signed = try Self.content(document, signature: signature, region: claimed, keys)
    } else {
      throw Self.refusal("instance identity cryptographic signature is required")
    }
    let fields = try Self.fields(signed)
    func field(_ name: String) -> String { fields[name]?.string ?? "" }
    accountID = field("accountId")
    region = field("region")
    instanceID = field("instanceId")
    imageID = field("imageId")
    availabilityZone = field("availabilityZone")
    guard region == claimed else { throw Self.refusal("the instance identity document names two regions") }
    guard !accountID.isEmpty, !instanceID.isEmpty else {
      throw Self.refusal("the instance identity document names no account or no instance")
    }
  }

  private static func content(
    ofPKCS7 text: String, region: String, _ keys: AWSSigningKeys
  ) throws(ServerPluginError) -> [UInt8] {
    guard let key = keys.pkcs7(region) else {
      throw ServerPluginError(
        .internal,
        "failed to load the AWS CA certificate for region \(GoText.quote(region)): unsupported region "
          + GoText.quote(region))
    }
    guard let bytes = decoded(text) else {
      throw refusal("failed to decode the instance identity cryptographic signature")
    }
    let message: SignedMessage
    do { message = try SignedMessage(parsing: bytes) } catch {
      throw refusal("failed to parse the instance identity cryptographic signature: \(error)", error)
    }
    do { return try message.verified(with: key).bytes } catch {
      throw refusal("failed verification of instance identity cryptographic signature: \(error)", error)
    }
  }

  private static func content(
    _ document: [UInt8], signature text: String, region: String, _ keys: AWSSigningKeys
  ) throws(ServerPluginError) -> [UInt8] {
    guard let bytes = decoded(text) else { throw refusal("failed to decode the IID signature") }
    let key: _RSA.Signing.PublicKey
    do { key = try _RSA.Signing.PublicKey(unsafeDERRepresentation: keys.legacy(region)) } catch {
      throw ServerPluginError(
        .internal, "failed to load the AWS CA certificate for region \(GoText.quote(region)): \(error)", cause: error)
    }
    let signature = _RSA.Signing.RSASignature(rawRepresentation: bytes)
    guard key.isValidSignature(signature, for: SHA256.hash(data: document), padding: .insecurePKCS1v1_5) else {
      throw refusal("failed to verify the cryptographic signature: crypto/rsa: verification error")
    }
    return document
  }

  /// Base64 with line ends in it, as the metadata service writes it.
  private static func decoded(_ text: String) -> [UInt8]? {
    try? Base64.decode(String(decoding: text.utf8.filter { $0 != 10 && $0 != 13 }, as: UTF8.self))
  }

  private static func fields(_ document: [UInt8]) throws(ServerPluginError) -> JSONValue {
    do {
      return try JSONValue(parsing: document, limits: JSONLimits(maximumBytes: 64 << 10, maximumDepth: 16))
    } catch {
      throw refusal("failed to unmarshal the IID: \(error)", error)
    }
  }

  private static func refusal(_ message: String, _ cause: (any Error)? = nil) -> ServerPluginError {
    ServerPluginError(.invalidArgument, message, cause: cause)
  }
}
