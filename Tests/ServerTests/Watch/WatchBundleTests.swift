import Crypto
import Daemon
import DatastoreAPI
import Foundation
import GRPCCore
import HTTPTesting
import RPC
import SPIFFE
import SPIREProtos
import ServerPlugins
import Synchronization
import Testing

@testable import Server

/// Servers below this one: what they are told, and what the plugin `spire` makes of calls and failures.
@Suite(.timeLimit(.minutes(4))) struct WatchBundleTests {
  private func connector(_ server: TestServer, _ domain: TrustDomain = TestServer.domain) -> GRPCUpstreamConnector {
    GRPCUpstreamConnector(trustDomain: domain, time: server.time)
  }

  private func identity(_ server: TestServer, _ path: String) async throws -> UpstreamIdentity {
    let minted = try await server.mint(path)
    let bundle = try #require(try await server.datastore.fetchBundle(of: TestServer.domain))
    return UpstreamIdentity(
      id: minted.id, chain: minted.chain, key: minted.key, bundle: bundle, expiresAt: server.time.now + 600)
  }

  private func below(
    _ body: @escaping @Sendable (TestServer, UpstreamServerAddress, UpstreamIdentity) async throws -> Void
  ) async throws {
    try await TestServer.with { server in
      try await server.createEntry("/below", parent: TestServer.id("/host")) { $0.downstream = true }
      try await body(
        server, UpstreamServerAddress(host: "127.0.0.1", port: server.port), try await identity(server, "/below"))
    }
  }

  private func failure(_ body: () async throws -> some Sendable) async -> ServerPluginError? {
    do {
      _ = try await body()
      return nil
    } catch { return error as? ServerPluginError ?? ServerPluginError(.internal, "\(error)") }
  }

  private static func key(_ id: String) -> JWTAuthority {
    JWTAuthority(publicKey: PublicKey(TestKey().key.publicKey).pkix, keyID: id, expiresAt: 2_000_000_000)
  }

  private func append(_ id: String, to server: TestServer) async throws {
    _ = try await server.datastore.appendBundle(
      SPIFFE.Bundle(trustDomain: TestServer.domain, jwtAuthorities: [Self.key(id)]))
  }

  @Test func changesAreToldAtOnceUntilTheEntryIsGone() async throws {
    try await below { server, address, identity in
      let entry = try #require(try await server.datastore.listEntries(.all).first { $0.downstream })
      let seen = Mutex<[[String]]>([])
      let found = await failure {
        try await connector(server).withServer(address, as: { identity }) { above in
          try await above.watchBundle { bundle in
            let count = seen.withLock { list in
              list.append(bundle.jwtAuthorities.map(\.keyID))
              return list.count
            }
            switch count {
            case 1: try await append("first", to: server)
            case 2:
              _ = try await server.datastore.deleteEntries(ids: [entry.id])
              try await append("second", to: server)
            default: break
            }
          }
        }
      }
      #expect(found?.code == .permissionDenied)
      #expect(found?.message == "authorization denied for method /swiftspire.server.watch.v1.Watch/WatchBundle")
      let keys = seen.withLock { $0 }
      #expect(keys.count == 2 && keys[1].last == "first", "\(keys)")
    }
  }

  @Test func othersMayNotWatch() async throws {
    try await TestServer.with { server in
      let address = UpstreamServerAddress(host: "127.0.0.1", port: server.port)
      let web = try await identity(server, "/web")
      let found = await failure {
        try await connector(server).withServer(address, as: { web }) { try await $0.watchBundle { _ in } }
      }
      #expect(found?.code == .permissionDenied)
      let mint = await failure {
        try await connector(server).withServer(address, as: { web }) {
          try await $0.newDownstreamX509CA(csr: Array(try TestKey().csr()), ttl: .seconds(60))
        }
      }
      #expect(mint?.message == "authorization denied for method /spire.api.server.svid.v1.SVID/NewDownstreamX509CA")
    }
  }

  @Test func aCAAndTheBundleAreFetchedAndAKeyIsPublished() async throws {
    try await below { server, address, identity in
      let csr = Array(try TestKey().csr(uris: ["spiffe://example.org"]))
      let (chain, bundle, keys) = try await connector(server).withServer(address, as: { identity }) { above in
        let chain = try await above.newDownstreamX509CA(csr: csr, ttl: .seconds(1_000_000_000_000))
        let keys = try await above.publishJWTAuthority(Self.key("below"))
        return (chain, try await above.bundle(), keys)
      }
      let stored = try #require(try await server.datastore.fetchBundle(of: TestServer.domain))
      #expect(bundle == stored)
      #expect(keys == stored.jwtAuthorities && keys.last?.keyID == "below")
      #expect(chain.count == 1)
      try X509Certificates.verifyAuthority(
        chain: chain, roots: stored.x509Authorities.map(\.der), at: server.time.now)
      let refused = await failure {
        try await connector(server).withServer(address, as: { identity }) {
          try await $0.newDownstreamX509CA(csr: [1, 2], ttl: .zero)
        }
      }
      #expect(refused?.code == .invalidArgument)
      #expect(
        refused?.message.contains("failed the call: invalidArgument: malformed CSR") == true,
        "\(String(describing: refused))")
    }
  }

  @Test func failuresToConnectAreNamed() async throws {
    try await below { server, address, identity in
      func bundle(_ connector: GRPCUpstreamConnector, _ address: UpstreamServerAddress, _ identity: UpstreamIdentity)
        async -> String
      {
        let found = await failure {
          try await connector.withServer(address, as: { identity }) { try await $0.bundle() }
        }
        #expect(found?.code == .unavailable)
        return found?.message ?? ""
      }
      let nobody = await bundle(
        connector(server), UpstreamServerAddress(host: "127.0.0.1", port: try closedPort()), identity)
      #expect(nobody.hasPrefix("unable to reach the upstream server at 127.0.0.1:"), "\(nobody)")
      #expect(nobody.contains("connection refused"))
      // It proves to be a server, but of another trust domain.
      let other = try TrustDomain("other.org")
      let wrong = await bundle(connector(server, other), address, identity)
      #expect(wrong.contains("is not the upstream server \"spiffe://other.org/spire/server\""), "\(wrong)")
      // The agent's bundle is that of another root.
      let strange = UpstreamIdentity(
        id: identity.id, chain: identity.chain, key: identity.key, bundle: try TestPKI("example.org").bundle(),
        expiresAt: identity.expiresAt)
      let unknown = await bundle(connector(server), address, strange)
      #expect(unknown.contains("leads to no root that the agent's bundle has"), "\(unknown)")
      let socket = await failure { try await connector(server).identities(at: server.folder + "/none.sock") }
      #expect(
        socket?.message.hasPrefix("unable to get an X509-SVID from the agent at \(server.folder)/none.sock") == true)
    }
  }

  /// A port of the loopback address where nobody listens.
  private func closedPort() throws -> Int {
    let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
    return try #require(socket.port)
  }
}
