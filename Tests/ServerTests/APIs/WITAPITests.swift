import Authority
import Crypto
import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Testing

@testable import Server

private typealias SVID = Spire_Api_Server_Svid_V1_SVID
private typealias LocalAuthorityService = Spire_Api_Server_Localauthority_V1_LocalAuthority
private typealias BundleService = Spire_Api_Server_Bundle_V1_Bundle

/// Everything about WIT-SVIDs at the server, with the feature flag and without.
@Suite struct WITAPITests {
  private static var enabled: TestServer.Options {
    var options = TestServer.Options()
    options.features.enableWITSVIDs = true
    options.auditing = true
    return options
  }

  private static func keys(_ server: TestServer) async throws -> WITKeySet {
    WITKeySet([try #require(try await server.datastore.fetchBundle(of: TestServer.domain))])
  }

  /// A SubjectPublicKeyInfo on a curve that SPIFFE does not use, secp256k1.
  private static let foreignKey = Data(
    [
      0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00,
      0x0A, 0x03, 0x42, 0x00, 0x04,
    ] + [UInt8](repeating: 1, count: 64))

  // MARK: Without the flag

  @Test func withoutTheFlagEveryMethodSaysSo() async throws {
    try await TestServer.with { server in
      let notYet = Failure(.unimplemented, "WIT-SVID functionality is not yet implemented")
      let disabled = Failure(.unimplemented, "WIT functionality is disabled")
      try await server.local { client async throws in
        let service = LocalAuthorityService.Client(wrapping: client)
        #expect(try await failure { try await service.getWITAuthorityState(.init()) } == notYet)
        #expect(try await failure { try await service.prepareWITAuthority(.init()) } == notYet)
        #expect(try await failure { try await service.activateWITAuthority(.init()) } == notYet)
        #expect(try await failure { try await service.taintWITAuthority(.init()) } == notYet)
        #expect(try await failure { try await service.revokeWITAuthority(.init()) } == notYet)
        #expect(try await failure { try await SVID.Client(wrapping: client).mintWITSVID(.init()) } == disabled)
      }
      let agent = try await server.attest()
      try await server.remote(agent) { client async throws in
        #expect(try await failure { try await SVID.Client(wrapping: client).batchNewWITSVID(.init()) } == disabled)
      }
      try await server.createEntry("/below", parent: TestServer.id("/host")) { $0.downstream = true }
      try await server.remote(try await server.mint("/below")) { client async throws in
        #expect(
          try await failure { try await BundleService.Client(wrapping: client).publishWITAuthority(.init()) } == notYet)
      }
      let bundle = try await server.datastore.fetchBundle(of: TestServer.domain)
      #expect(bundle?.witAuthorities.isEmpty == true)
    }
  }

  // MARK: Signing

  @Test func mintedTokensVerifyAndAreAudited() async throws {
    try await TestServer.with(Self.enabled) { server in
      let key = TestKey()
      var request = Spire_Api_Server_Svid_V1_MintWITSVIDRequest()
      request.id = TestServer.id("/m").api
      request.publicKey = Data(key.key.publicKey.derRepresentation)
      request.signingAlgorithm = "ES256"
      request.ttl = 60
      let message = request
      let svid = try await server.local { try await SVID.Client(wrapping: $0).mintWITSVID(message).svid }
      let verified = try WITSVIDValidator.validate(
        token: svid.token, now: server.time.now, keys: try await Self.keys(server))
      #expect(verified.id == TestServer.id("/m") && verified.confirmationKey == PublicKey(key.key.publicKey))
      #expect(svid.id == request.id && svid.hint.isEmpty && svid.expiresAt - svid.issuedAt == 60)
      let record = try #require(server.audits.last)
      #expect(record.fields["spiffe_id"] == "spiffe://example.org/m" && record.fields["ttl"] == "60")
    }
  }

  @Test func mintErrors() async throws {
    try await TestServer.with(Self.enabled) { server in
      var good = Spire_Api_Server_Svid_V1_MintWITSVIDRequest()
      good.id = TestServer.id("/m").api
      good.publicKey = Data(TestKey().key.publicKey.derRepresentation)
      good.signingAlgorithm = "ES256"
      let base = good
      func refusal(_ change: (inout Spire_Api_Server_Svid_V1_MintWITSVIDRequest) -> Void) async throws -> Failure {
        var request = base
        change(&request)
        let message = request
        return try await server.local { client async throws in
          try await failure { try await SVID.Client(wrapping: client).mintWITSVID(message) }
        }
      }
      let cases: [(String, (inout Spire_Api_Server_Svid_V1_MintWITSVIDRequest) -> Void)] = [
        ("invalid SPIFFE ID: request must specify SPIFFE ID", { $0.clearID() }),
        ("invalid SPIFFE ID: ", { $0.id.trustDomain = "other.org" }),
        ("invalid SPIFFE ID: ", { $0.id.path = "/spire/server" }),
        ("missing public key", { $0.publicKey = Data() }),
        ("malformed public key: ", { $0.publicKey = Data([1, 2, 3]) }),
        ("invalid public key: ", { $0.publicKey = Self.foreignKey }),
        ("invalid signing algorithm or key type: ", { $0.signingAlgorithm = "" }),
        ("invalid signing algorithm or key type: ", { $0.signingAlgorithm = "EdDSA" }),
        (
          #"invalid signing algorithm or key type: "ES384" with a key of type EC P-256"#,
          { $0.signingAlgorithm = "ES384" }
        ),
      ]
      for (text, change) in cases {
        let found = try await refusal(change)
        #expect(found.code == .invalidArgument, "\(text)")
        #expect(found.message.hasPrefix(text), "\(found.message)")
      }
    }
  }

  @Test func agentsGetTokensForTheirEntries() async throws {
    try await TestServer.with(Self.enabled) { server in
      let agent = try await server.attest()
      let mine = try await server.createEntry("/web", parent: agent.id) { entry in
        entry.x509SvidTtl = 60
        entry.hint = "h"
      }
      let foreign = try await server.createEntry("/foreign", parent: TestServer.id("/other"))
      let key = TestKey()
      var request = Spire_Api_Server_Svid_V1_BatchNewWITSVIDRequest()
      func add(_ id: String, _ key: Data, _ algorithm: String = "ES256") {
        request.params.append(
          .with {
            $0.entryID = id
            $0.publicKey = key
            $0.signingAlgorithm = algorithm
          })
      }
      let der = Data(key.key.publicKey.derRepresentation)
      add(mine.id, der)
      add(foreign.id, der)
      add("", der)
      add(mine.id, Data())
      add(mine.id, der, "RS256")
      let message = request
      let results = try await server.remote(agent) { client async throws in
        #expect(
          try await failure { try await SVID.Client(wrapping: client).batchNewWITSVID(.init()) }
            == Failure(.invalidArgument, "missing parameters"))
        return try await SVID.Client(wrapping: client).batchNewWITSVID(message).results
      }
      #expect(
        results.map(\.status.message) == [
          "OK", "entry not found or not authorized", "missing entry ID", "missing public key",
          #"invalid signing algorithm or key type: "RS256" with a key of type EC P-256"#,
        ])
      #expect(results.map(\.status.code) == [0, 5, 3, 3, 3])
      #expect(results.map(\.hasSvid) == [true, false, false, false, false])
      let svid = results[0].svid
      #expect(svid.hint == "h" && svid.expiresAt - svid.issuedAt == 60)
      let verified = try WITSVIDValidator.validate(
        token: svid.token, now: server.time.now, keys: try await Self.keys(server))
      #expect(verified.id == TestServer.id("/web"))
      let records = server.audits.filter { $0.fields["method"] == "BatchNewWITSVID" }
      #expect(records.suffix(5).map { $0.fields["status"] } == ["success", "error", "error", "error", "error"])
      #expect(records.suffix(5).first?.fields["spiffe_id"] == "spiffe://example.org/web")
    }
  }

  // MARK: Authorities

  @Test func authoritiesFromPreparationToRevocation() async throws {
    try await TestServer.with(Self.enabled) { server in
      try await server.local { client async throws in
        let service = LocalAuthorityService.Client(wrapping: client)
        let before = try await service.getWITAuthorityState(.init())
        #expect(before.active.authorityID.count == 32 && !before.hasPrepared && !before.hasOld)
        let prepared = try await service.prepareWITAuthority(.init()).preparedAuthority
        #expect(try await service.getWITAuthorityState(.init()).prepared == prepared)
        var activate = Spire_Api_Server_Localauthority_V1_ActivateWITAuthorityRequest()
        #expect(
          try await failure { try await service.activateWITAuthority(activate) }
            == Failure(.invalidArgument, "no authority ID provided"))
        activate.authorityID = prepared.authorityID
        #expect(try await service.activateWITAuthority(activate).activatedAuthority == prepared)
        #expect(try await service.getWITAuthorityState(.init()).old == before.active)
        var taint = Spire_Api_Server_Localauthority_V1_TaintWITAuthorityRequest()
        taint.authorityID = before.active.authorityID
        #expect(try await service.taintWITAuthority(taint).taintedAuthority == before.active)
        let bundle = try await BundleService.Client(wrapping: client).getBundle(.init())
        #expect(bundle.witAuthorities.map(\.tainted) == [true, false])
        #expect(bundle.jwtAuthorities.map(\.tainted) == [false])
        var revoke = Spire_Api_Server_Localauthority_V1_RevokeWITAuthorityRequest()
        revoke.authorityID = before.active.authorityID
        #expect(try await service.revokeWITAuthority(revoke).revokedAuthority.authorityID == revoke.authorityID)
        #expect(
          try await failure { try await service.revokeWITAuthority(revoke) }
            == Failure(
              .invalidArgument, "invalid authority ID: no WIT authority found with provided authority ID"))
      }
      let record = try #require(server.audits.last { $0.fields["status"] == "success" })
      #expect(record.fields["method"] == "RevokeWITAuthority" && record.fields["local_authority_id"] != nil)
    }
  }

  @Test func downstreamServersPublishTheirKeys() async throws {
    try await TestServer.with(Self.enabled) { server in
      try await server.createEntry("/below", parent: TestServer.id("/host")) { $0.downstream = true }
      let jwtKeyID = try #require(server.parts.authority.activeJWTKey?.keyID)
      let own = try #require(server.parts.authority.activeKey(.wit)?.keyID)
      try await server.remote(try await server.mint("/below")) { client async throws in
        let service = BundleService.Client(wrapping: client)
        var publish = Spire_Api_Server_Bundle_V1_PublishWITAuthorityRequest()
        #expect(
          try await failure { try await service.publishWITAuthority(publish) }
            == Failure(.invalidArgument, "missing WIT authority"))
        publish.witAuthority.publicKey = Data([1])
        publish.witAuthority.keyID = "k1"
        #expect(
          try await failure { try await service.publishWITAuthority(publish) }.message
            .hasPrefix("invalid WIT authority: unable to parse WIT authority"))
        publish.witAuthority.publicKey = Data(TestKey().key.publicKey.derRepresentation)
        publish.witAuthority.expiresAt = 1_900_000_000
        #expect(try await service.publishWITAuthority(publish).witAuthorities.map(\.keyID) == [own, "k1"])
        #expect(try await service.publishWITAuthority(publish).witAuthorities.count == 2)
        publish.witAuthority.keyID = jwtKeyID
        #expect(
          try await failure { try await service.publishWITAuthority(publish) }
            == Failure(.invalidArgument, "invalid WIT authority: its key ID is that of a JWT authority"))
      }
      let bundle = try await server.datastore.fetchBundle(of: TestServer.domain)
      #expect(bundle?.witAuthorities.map(\.keyID) == [own, "k1"] && bundle?.jwtAuthorities.map(\.keyID) == [jwtKeyID])
    }
  }

  // MARK: Bundles, whatever the flag says

  @Test(arguments: [true, false]) func keysSurviveInBundles(_ isEnabled: Bool) async throws {
    var options = TestServer.Options()
    options.features.enableWITSVIDs = isEnabled
    try await TestServer.with(options) { server in
      let key = Spire_Api_Types_WITKey.with {
        $0.publicKey = Data(TestKey().key.publicKey.derRepresentation)
        $0.keyID = "w1"
        $0.expiresAt = 1_900_000_000
        $0.tainted = true
      }
      try await server.local { client async throws in
        let service = BundleService.Client(wrapping: client)
        let appended = try await service.appendBundle(.with { $0.witAuthorities = [key] })
        #expect(appended.witAuthorities.last == key)
        #expect(try await service.getBundle(.init()).witAuthorities.last == key)
        let masked = try await service.getBundle(.with { $0.outputMask.x509Authorities = true })
        #expect(masked.witAuthorities.isEmpty && !masked.x509Authorities.isEmpty)
        let partner = Spire_Api_Types_Bundle.with {
          $0.trustDomain = "partner.test"
          $0.witAuthorities = [key]
        }
        let set = try await service.batchSetFederatedBundle(.with { $0.bundle = [partner] })
        #expect(set.results.map(\.bundle) == [partner])
        // An update of another part leaves it alone.
        let update = try await service.batchUpdateFederatedBundle(
          .with {
            $0.bundle = [Spire_Api_Types_Bundle()]
            $0.bundle[0].trustDomain = "partner.test"
            $0.bundle[0].refreshHint = 60
            $0.inputMask.refreshHint = true
          })
        #expect(update.results.first?.bundle.witAuthorities == [key])
        let fetched = try await service.getFederatedBundle(.with { $0.trustDomain = "partner.test" })
        #expect(fetched.witAuthorities == [key] && fetched.refreshHint == 60)
      }
    }
  }
}

extension TestServer {
  fileprivate var audits: [LogCapture.Record] { log.records.filter { $0.message == "API accessed" } }
}
