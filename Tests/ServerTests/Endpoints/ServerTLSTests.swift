import Authority
import Daemon
import DatastoreAPI
import Foundation
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
import Testing

@testable import Server

/// Whom the TCP endpoint lets in (server-behaviour §7.3).
@Suite struct ServerTLSTests {
  private func getBundle(_ server: TestServer, _ identity: TestIdentity?) async throws {
    try await server.remote(identity) { client in
      _ = try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client).getBundle(.init())
    }
  }

  @Test func anonymousAndOwnSVIDsAreLetIn() async throws {
    try await TestServer.with { server in
      try await getBundle(server, nil)
      try await getBundle(server, try await server.mint("/web"))
    }
  }

  @Test func anSVIDOfAnotherAuthorityIsRefused() async throws {
    let stranger = try await TestServer.with { try await $0.mint("/web") }
    try await TestServer.with { server in
      let refused = try await failure { try await getBundle(server, stranger) }
      #expect(refused.code == .unavailable)
    }
  }

  @Test func anExpiredSVIDIsRefusedInTheHandshake() async throws {
    try await TestServer.with { server in
      let identity = try await server.mint("/web")
      server.time.advance(by: .seconds(2 * 3600))
      // The server's own SVID has ended as well: renew it as its rotator would.
      await server.parts.serverSVID.rotateIfDue()
      let refused = try await failure { try await getBundle(server, identity) }
      #expect(refused.code == .unavailable)
      try await getBundle(server, nil)
    }
  }

  @Test func aRotatedServerSVIDIsPresentedAtTheNextHandshake() async throws {
    try await TestServer.with { server in
      let before = server.parts.serverSVID.current.chain
      server.time.advance(by: .seconds(1900))
      await server.parts.serverSVID.rotateIfDue()
      #expect(server.parts.serverSVID.current.chain != before)
      try await getBundle(server, nil)
    }
  }
}
