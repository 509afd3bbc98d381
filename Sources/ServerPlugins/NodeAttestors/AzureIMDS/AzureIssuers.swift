import Azure
import Daemon
import FoundationEssentials
import HTTP
import SPIFFE
import X509

/// The certificates between those of Azure's metadata service and its roots, fetched from where the former say that they
/// are, which must be Microsoft's server. Shared by the attestations of a configuration; ``AzureOnce`` isolates what is kept.
///
/// Whoever can reach the server can send a certificate that names a URL there, so: the host is fixed, no redirection is
/// followed, an answer has ten seconds and 64 KiB at most, sixteen are asked for at once, and only what leads to a root is
/// kept.
struct AzureIssuers: Sendable {
  static let host = "www.microsoft.com"
  private static let lifetime: Duration = .seconds(24 * 3600)

  private let web: AzureWeb
  private let kept: AzureOnce<String, [UInt8]>

  init(_ places: AzurePlaces, time: any TimeSource) {
    web = AzureWeb(places, time: time, peer: .azureIssuers)
    kept = AzureOnce(time: time, maximumKept: 64, maximumUnderWay: 16)
  }

  /// The certificate of whoever signed `certificate`, if it leads to one of `roots`. DER.
  func issuer(of certificate: Certificate, roots: X509ChainVerifier, at now: Date) async throws(AzureError) -> [UInt8] {
    let url = try Self.url(certificate)
    return try await kept.value(url.description) { [web] () throws(AzureError) in
      let der: [UInt8]
      do throws(AzureError) { der = try Self.certificate(try await web.bytes(HTTPRequest(.get, url))) } catch {
        throw AzureError(error.code, "failed to fetch intermediate certificate: \(error.message)")
      }
      do { _ = try roots.verify(leaf: der, intermediates: [], at: now) } catch {
        throw AzureError(.refused, "the intermediate certificate leads to no root: \(error)")
      }
      return (der, Self.lifetime)
    }
  }

  /// Where `certificate` says that its issuer's is (RFC 5280 §4.2.2.1).
  static func url(_ certificate: Certificate) throws(AzureError) -> WebURL {
    var texts: [String] = []
    if let access = try? certificate.extensions.authorityInformationAccess {
      for description in access where description.method == .issuingCA {
        if case .uniformResourceIdentifier(let text) = description.location, !text.isEmpty { texts.append(text) }
      }
    }
    guard let text = texts.first else {
      throw AzureError(.refused, "failed to extract CA Issuers URL: no CA Issuers URL found in certificate")
    }
    let url: WebURL
    do { url = try WebURL(anyScheme: text) } catch {
      throw AzureError(.refused, "failed to extract CA Issuers URL: failed to parse CA Issuers URL: it \(error)")
    }
    guard url.authority == host else {
      throw AzureError(
        .refused,
        "CA Issuers URL host \(GoText.quote(String(url.authority.prefix(200)))) does not match expected value "
          + GoText.quote(host))
    }
    return url
  }

  /// The one certificate in `bytes`, DER or PEM.
  static func certificate(_ bytes: [UInt8]) throws(AzureError) -> [UInt8] {
    if (try? X509Certificates.parse(der: bytes)) != nil { return bytes }
    guard let text = String(validating: bytes, as: UTF8.self),
      let block = try? PEM.decode(text).first, block.type == "CERTIFICATE"
    else { throw AzureError(.unavailable, "failed to decode intermediate certificate as PEM") }
    do { _ = try X509Certificates.parse(der: block.der) } catch {
      throw AzureError(.unavailable, "failed to parse intermediate certificate: \(error)")
    }
    return block.der
  }
}
