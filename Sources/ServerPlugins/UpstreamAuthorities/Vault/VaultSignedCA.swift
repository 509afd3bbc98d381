import FoundationEssentials
import SPIFFE

/// A CA certificate that Vault signed, with its way to a root. Only what holds together becomes one: it is for the key
/// that was sent, is a CA, and leads to the root at the given time. Reading is pure.
struct VaultSignedCA: Equatable, Sendable {
  /// The new CA first, then what stands between it and the root, each once. DER.
  let chain: [[UInt8]]
  /// The last of Vault's chain; the certificate that signed, where there is none. DER.
  let root: [UInt8]

  init(_ data: JSONValue, for request: VaultSigningRequest, at now: Date) throws(VaultError) {
    let own = try Self.certificates(data["certificate"], "certificate")
    guard own.count == 1 else { throw Self.bad("its certificate has \(own.count) PEM blocks, not one") }
    var above: [[UInt8]] = []
    if let list = data["ca_chain"], !list.isNull {
      guard let items = list.array else { throw Self.bad("its ca_chain is no list") }
      for item in items { above += try Self.certificates(item, "ca_chain") }
    }
    if above.isEmpty { above = try Self.certificates(data["issuing_ca"], "issuing_ca") }
    guard let root = above.last else { throw Self.bad("it has neither ca_chain nor issuing_ca") }
    var chain = own
    for der in above where der != root && !chain.contains(der) { chain.append(der) }
    try Self.check(chain, root, request, now)
    self.chain = chain
    self.root = root
  }

  private static func check(
    _ chain: [[UInt8]], _ root: [UInt8], _ request: VaultSigningRequest, _ now: Date
  ) throws(VaultError) {
    do {
      let key = try X509Certificates.publicKey(of: try X509Certificates.parse(der: chain[0]))
      guard key == request.publicKey else { throw bad("its certificate is not for the key that was sent") }
      try X509Certificates.verifyAuthority(chain: chain, roots: [root], at: now)
    } catch let error as VaultError {
      throw error
    } catch {
      throw VaultError(
        .badAnswer, "Vault's answer cannot be used: its certificate does not verify: \(error)", cause: error)
    }
  }

  private static func certificates(_ value: JSONValue?, _ name: String) throws(VaultError) -> [[UInt8]] {
    guard let text = value?.string, !text.isEmpty else { throw bad("it has no \(name)") }
    let found: [[UInt8]]
    do {
      found = try PEM.decode(text, type: "CERTIFICATE")
      for der in found { _ = try X509Certificates.parse(der: der) }
    } catch {
      throw VaultError(
        .badAnswer, "Vault's answer cannot be used: its \(name) cannot be parsed: \(error)", cause: error)
    }
    guard !found.isEmpty else { throw bad("its \(name) has no PEM block CERTIFICATE") }
    return found
  }

  private static func bad(_ why: String) -> VaultError {
    VaultError(.badAnswer, "Vault's answer cannot be used: \(why)")
  }
}
