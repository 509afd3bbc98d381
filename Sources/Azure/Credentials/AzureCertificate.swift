import Crypto
import CryptoExtras
import Daemon
import FoundationEssentials
import HTTP
import SPIFFE
import SwiftASN1
import X509

/// The certificate that an application signs in with, the others of its file, and its key. Reading blocks. Holds a private
/// key; never printed. A value.
struct AzureCertificate: Sendable {
  private static let maximumFile = 1 << 20
  /// How long an assertion is good.
  private static let lifetime: Int64 = 600

  private let key: _RSA.Signing.PrivateKey
  /// The application's own first. DER.
  let certificates: [[UInt8]]

  init(_ file: AzureCertificateFile) throws(AzureError) {
    func unusable(_ why: String) -> AzureError {
      AzureError(.absent, "AZURE_CLIENT_CERTIFICATE_PATH: the file \(GoText.quote(file.path)) \(why)")
    }
    let read: [UInt8]?
    do { read = try BoundedFile.read(file.path, limit: Self.maximumFile) } catch {
      throw unusable("cannot be read: \(error)")
    }
    guard let bytes = read else { throw unusable("is not there") }
    do throws(Fault) { try self.init(bytes, password: file.password) } catch { throw unusable(error.text) }
  }

  /// What is wrong with a file.
  struct Fault: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  /// - Parameter bytes: PEM, or PKCS #12.
  init(_ bytes: [UInt8], password: String) throws(Fault) {
    let (all, keyDER) = try Self.isPEM(bytes) ? Self.pem(bytes) : Self.pkcs12(bytes, password)
    do { key = try _RSA.Signing.PrivateKey(derRepresentation: keyDER) } catch {
      throw Fault("has a private key that is no RSA key of 2048 bits or more")
    }
    let own = Certificate.PublicKey(key.publicKey)
    var (leaf, others): ([UInt8]?, [[UInt8]]) = (nil, [])
    for der in all {
      let certificate: Certificate
      do { certificate = try Certificate(derEncoded: der) } catch {
        throw Fault("has a certificate that cannot be read")
      }
      if leaf == nil, certificate.publicKey == own { leaf = der } else { others.append(der) }
    }
    guard let leaf else { throw Fault("has no certificate of its private key") }
    certificates = [leaf] + others
  }

  private static func isPEM(_ bytes: [UInt8]) -> Bool {
    // A PKCS #12 file is a SEQUENCE.
    bytes.first != 0x30 && String(decoding: bytes, as: UTF8.self).contains("-----BEGIN ")
  }

  private static func pem(_ bytes: [UInt8]) throws(Fault) -> (certificates: [[UInt8]], key: [UInt8]) {
    let blocks: [PEM.Block]
    do { blocks = try PEM.decode(String(decoding: bytes, as: UTF8.self)) } catch { throw Fault("is no PEM: \(error)") }
    guard !blocks.contains(where: { $0.type == "ENCRYPTED PRIVATE KEY" }) else {
      throw Fault("has an encrypted private key, which is taken in PKCS #12 only")
    }
    let keys = blocks.filter { ["PRIVATE KEY", "RSA PRIVATE KEY"].contains($0.type) }
    guard keys.count == 1, let key = keys.first else { throw Fault("has \(keys.count) private keys") }
    return (blocks.filter { $0.type == "CERTIFICATE" }.map(\.der), key.der)
  }

  private static func pkcs12(
    _ bytes: [UInt8], _ password: String
  ) throws(Fault) -> (certificates: [[UInt8]], key: [UInt8]) {
    do {
      let identity = try HTTPIdentity(pkcs12: bytes, password: password)
      return (identity.certificates, identity.privateKey)
    } catch {
      // TLS's own words name no file and no password, and nothing that helps.
      throw Fault("is neither PEM nor a PKCS #12 file of AZURE_CLIENT_CERTIFICATE_PASSWORD")
    }
  }

  /// What shows the token service that the application has the key, signed as MSAL signs (RFC 7523 §3).
  func assertion(
    application: String, audience: String, id: UUID, at now: Date, sendsChain: Bool
  ) throws(AzureError) -> String {
    let issued = Int64(now.timeIntervalSince1970)
    var header: JSONObject = [
      "alg": "PS256", "typ": "JWT",
      "x5t#S256": .string(Base64.encodeURL(Array(SHA256.hash(data: certificates[0])))),
    ]
    if sendsChain { header["x5c"] = .array(certificates.map { .string(Base64.encode($0)) }) }
    let claims: JSONValue = [
      "aud": .string(audience), "exp": .int(issued + Self.lifetime), "iss": .string(application),
      "jti": .string(id.uuidString.lowercased()), "nbf": .int(issued), "sub": .string(application),
    ]
    let signed = [JSONValue.object(header), claims].map { Base64.encodeURL($0.encoded()) }.joined(separator: ".")
    do {
      let signature = try key.signature(for: Data(signed.utf8), padding: .PSS)
      return "\(signed).\(Base64.encodeURL(Array(signature.rawRepresentation)))"
    } catch {
      throw AzureError(.configuration, "unable to sign with the key of AZURE_CLIENT_CERTIFICATE_PATH: \(error)")
    }
  }
}
