// Whatever an Envoy sends, it gets what it asked for and what is the workload's own, within bounds. The first byte is the
// method; each further message is two bytes of length and its bytes, and after each the stream is driven until it rests.

import Crypto
import EnvoyProtos
import FoundationEssentials
import FuzzSupport
import SPIFFE
import SwiftProtobuf
import X509

@testable import Agent

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSecrets(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let bytes = fuzzedBytes(start, count)
  guard let method = bytes.first else { return 0 }
  var run = Run(isDelta: method & 1 == 1)
  var rest = bytes.dropFirst()
  while rest.count > 2, !run.hasEnded {
    let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
    let message = Array(rest.dropFirst(2).prefix(length))
    rest = rest.dropFirst(2 + length)
    run.take(message)
  }
  return 0
}

/// One stream and what must hold for it.
private struct Run {
  private static let world = mustSucceed("the world") { try World() }

  let isDelta: Bool
  private(set) var hasEnded = false
  private var stream = SecretStream(SecretNames())
  private var nonce: UInt32 = 0
  private var version = 0
  private var turn = 0
  private var asked: Set<String> = []
  private var wantsAll = false

  init(isDelta: Bool) {
    self.isDelta = isDelta
    stream.receive(Self.world.updates[0])
  }

  mutating func take(_ bytes: [UInt8]) {
    let request: SecretRequest
    do {
      request =
        try isDelta
        ? SecretRequest(Envoy_Service_Discovery_V3_DeltaDiscoveryRequest(serializedBytes: bytes))
        : SecretRequest(Envoy_Service_Discovery_V3_DiscoveryRequest(serializedBytes: bytes))
    } catch { return }
    check(request.nonce.utf8.count <= 66 && request.version.utf8.count <= 66, "a word is not cut")
    check((request.failure?.utf8.count ?? 0) <= 4098, "the error text is not cut")
    check((request.node?.id.utf8.count ?? 0) <= 258, "the node's ID is not cut")
    let isStale = stream.receive(request).contains {
      if case .stale = $0 { true } else { false }
    }
    if !isStale { note(request.names) }
    drive()
    // Each second request an update follows that brings or takes an identity.
    turn += 1
    if turn % 2 == 0, !hasEnded {
      stream.receive(Self.world.updates[turn / 2 % Self.world.updates.count])
      drive()
    }
  }

  private mutating func note(_ names: SecretRequest.Names) {
    switch names {
    case .all(let list):
      check(list.count <= SecretRequest.mostNames, "too many names were accepted")
      asked = Set(list)
      wantsAll = list.allSatisfy(\.isEmpty)
    case .changes(let subscribe, _, let known):
      // What was asked for once may be answered as removed later; known names only where all is asked for.
      asked.formUnion(subscribe)
      asked.formUnion(known.keys)
      wantsAll = wantsAll || asked.isEmpty || subscribe.allSatisfy(\.isEmpty) || asked.contains("*")
    }
  }

  private mutating func drive() {
    for _ in 0..<4 {
      let next = nonce + 1
      switch stream.next(nonce: { next }) {
      case nil:
        check(!stream.isUnanswered, "a request is left without an answer")
        return
      case .lookAgain:
        stream.lookedAgain()
        stream.receive(Self.world.updates[turn / 2 % Self.world.updates.count])
      case .end(let error):
        check(error.code == .invalidArgument || error.code == .internalError, "the end is \(error.code)")
        hasEnded = true
        return
      case .send(let response):
        nonce = next
        examine(response)
      }
    }
    check(false, "the stream does not come to rest")
  }

  private mutating func examine(_ response: SecretResponse) {
    guard let number = Int(response.version) else { return check(false, "the version is no number") }
    check(number >= version, "versions go backwards")
    version = number
    check(isDelta || response.removed.isEmpty, "a stream of everything takes things away")
    for resource in response.resources {
      check(wantsAll || asked.contains(resource.name), "nobody asked for \(resource.name)")
      check(Self.world.names.contains(resource.name), "\(resource.name) is not the workload's")
      let secret = mustSucceed("a secret does not parse") {
        try Envoy_Extensions_TransportSockets_Tls_V3_Secret(serializedBytes: resource.bytes)
      }
      check(secret.name == resource.name, "a secret has another name")
    }
  }
}

/// What the workload has, one time or another.
private struct World {
  let updates: [WorkloadUpdate]
  let names: Set<String>

  init() throws {
    let own = try TrustDomain("example.org")
    let partner = try TrustDomain("partner.test")
    let web = try Self.identity("1", try SPIFFEID("spiffe://example.org/web"))
    let db = try Self.identity("2", try SPIFFEID("spiffe://example.org/db"))
    let authority = try Self.certificate(P256.Signing.PrivateKey(), nil)
    let bundle = PreparedBundle(Bundle(trustDomain: own, x509Authorities: [X509Authority(der: authority)]))
    let other = PreparedBundle(Bundle(trustDomain: partner, x509Authorities: [X509Authority(der: authority)]))
    updates = [
      WorkloadUpdate(identities: [web, db], bundle: bundle, federatedBundles: [other]),
      WorkloadUpdate(identities: [web], bundle: bundle, federatedBundles: []),
      WorkloadUpdate(identities: [], bundle: bundle, federatedBundles: []),
    ]
    names = [
      "default", "ROOTCA", "ALL", "spiffe://example.org", "spiffe://partner.test", "spiffe://example.org/web",
      "spiffe://example.org/db",
    ]
  }

  private static func identity(_ id: String, _ spiffeID: SPIFFEID) throws -> WorkloadIdentity {
    let key = P256.Signing.PrivateKey()
    let entry = AgentEntry(
      id: id, spiffeID: spiffeID, selectors: [Selector(type: "unix", value: "uid:0")], federatesWith: [],
      revisionNumber: 0, storeSVID: false, hint: "", createdAt: 1, disableX509SVIDPrefetch: false)
    return WorkloadIdentity(
      entry: entry,
      svid: try WorkloadSVID(
        entry: entry, chain: [try certificate(key, spiffeID)], publicKey: Array(key.publicKey.derRepresentation),
        privateKey: Array(key.derRepresentation), policy: RotationPolicy(), random: .fixed(0.5)))
  }

  private static func certificate(_ key: P256.Signing.PrivateKey, _ id: SPIFFEID?) throws -> [UInt8] {
    let name = try DistinguishedName { CommonName("fuzz") }
    let certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date(),
      notValidAfter: Date() + 3600, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: try Certificate.Extensions {
        if let id { SubjectAlternativeNames([.uniformResourceIdentifier(id.description)]) }
      }, issuerPrivateKey: .init(key))
    return try X509Certificates.der(of: certificate)
  }
}
