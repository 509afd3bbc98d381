import Authority
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

/// Activation waits for the agents, and GetRotation says how far they are.
@Suite(.timeLimit(.minutes(4))) struct RotationAPITests {
  private typealias Local = Spire_Api_Server_Localauthority_V1_LocalAuthority
  private typealias Rotation = Swiftspire_Server_Rotation_V1_Rotation
  private typealias State = Swiftspire_Server_Rotation_V1_GetRotationResponse

  private static var options: TestServer.Options {
    var options = TestServer.Options()
    options.features.activationPatience = .zero
    return options
  }

  private func fetchBundle(_ server: TestServer, _ identity: TestIdentity) async throws {
    _ = try await server.remote(identity) {
      try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: $0).getBundle(.init())
    }
  }

  private func state(_ server: TestServer, _ kind: Swiftspire_Server_Rotation_V1_Kind) async throws -> State {
    try await server.local {
      try await Rotation.Client(wrapping: $0).getRotation(.with { $0.kind = kind })
    }
  }

  @Test func anAuthorityThatAgentsDoNotHaveIsNotActivated() async throws {
    try await TestServer.with(Self.options) { server in
      let agent = try await server.attest()
      try await fetchBundle(server, agent)
      let prepared = try await server.local {
        try await Local.Client(wrapping: $0).prepareX509Authority(.init()).preparedAuthority
      }
      server.time.advance(by: .seconds(4))
      let refused = try await server.local { client in
        try await failure {
          try await Local.Client(wrapping: client).activateX509Authority(
            .with { $0.authorityID = prepared.authorityID })
        }
      }
      #expect(refused.code == .failedPrecondition)
      #expect(
        refused.message.contains("1 of 1 agents have not confirmed it: \(agent.id) (heard 4 s ago)"), "\(refused)")
      var known = try await state(server, .x509).preparedKnown
      #expect(known.agents == 1 && known.confirmedAgents == 0 && !known.complete)
      #expect(known.missingAgents.map(\.id.path) == [agent.id.path])
      try await fetchBundle(server, agent)
      known = try await state(server, .x509).preparedKnown
      #expect(known.confirmedAgents == 1 && known.complete)
      let active = try await server.local {
        try await Local.Client(wrapping: $0).activateX509Authority(.with { $0.authorityID = prepared.authorityID })
      }
      #expect(active.activatedAuthority == prepared)
    }
  }

  @Test func whoIsBannedOrExpiredDoesNotCount() async throws {
    try await TestServer.with(Self.options) { server in
      let (banned, _) = (try await server.attest(), try await server.attest())
      try await server.ban(banned.id)
      let id = try await server.local {
        try await Local.Client(wrapping: $0).prepareJWTAuthority(.init()).preparedAuthority.authorityID
      }
      #expect(try await state(server, .jwt).preparedKnown.agents == 1)
      server.time.advance(by: .seconds(3601))
      #expect(try await state(server, .jwt).preparedKnown.agents == 0)
      _ = try await server.local {
        try await Local.Client(wrapping: $0).activateJWTAuthority(.with { $0.authorityID = id })
      }
    }
  }

  @Test func forceActivatesAndARotationIsRemembered() async throws {
    try await TestServer.with(Self.options) { server in
      let agent = try await server.attest()
      let before = try await state(server, .x509)
      #expect(before.rotatingFrom.isEmpty && !before.hasOld && !before.hasPrepared)
      let prepared = try await server.local {
        try await Local.Client(wrapping: $0).prepareX509Authority(.init()).preparedAuthority.authorityID
      }
      _ = try await server.local {
        try await Rotation.Client(wrapping: $0).activateAuthority(
          .with {
            $0.kind = .x509
            $0.authorityID = prepared
            $0.force = true
            $0.beginsRotation = true
          })
      }
      var now = try await state(server, .x509)
      let old = before.active.authorityID
      #expect(now.active.authorityID == prepared && now.old.authorityID == old)
      #expect(now.rotatingFrom == old && now.oldRoot == old && now.oldListed && !now.oldTainted)
      // Agent and server had SVIDs of the old one.
      #expect(now.oldLastUse >= Int64(server.time.now.timeIntervalSince1970) + 3600)
      #expect(!now.serverSvidReplaced)
      _ = try await server.local {
        try await Local.Client(wrapping: $0).taintX509Authority(.with { $0.authorityID = old })
      }
      now = try await state(server, .x509)
      #expect(now.oldTainted && now.oldTaintedKnown.confirmedAgents == 0 && !now.oldReplaced.complete)
      await server.parts.serverSVID.rotateIfDue()
      try await fetchBundle(server, agent)
      now = try await state(server, .x509)
      #expect(now.oldTaintedKnown.complete && !now.oldReplaced.complete && now.serverSvidReplaced)
      server.parts.confirmations.reported(0, by: agent.id, at: server.time.now)
      #expect(try await state(server, .x509).oldReplaced.complete)
      _ = try await server.local {
        try await Local.Client(wrapping: $0).revokeX509Authority(.with { $0.authorityID = old })
      }
      now = try await state(server, .x509)
      #expect(!now.oldListed && now.rotatingFrom.isEmpty)
    }
  }

  @Test func badKindsAreNamed() async throws {
    try await TestServer.with(Self.options) { server in
      let refused = try await server.local { client in
        try await failure { try await Rotation.Client(wrapping: client).getRotation(.init()) }
      }
      #expect(refused == Failure(.invalidArgument, "missing or unknown kind of authority"))
    }
  }

  // MARK: Several servers

  /// A second server's roll call over the same datastore.
  private func peer(of server: TestServer) -> RollCall {
    let parts = server.parts
    return RollCall(
      trustDomain: parts.trustDomain, datastore: parts.datastore, bundles: parts.bundles, authority: parts.authority,
      entries: parts.entries, time: server.time, logger: server.log.logger)
  }

  @Test func agentsOfOtherServersCount() async throws {
    try await TestServer.with(Self.options) { server in
      let agent = try await server.attest()
      // The journal of another server, so that this one is not alone.
      let journal = JournalEntries.with {
        $0.x509Cas = [
          .with {
            $0.status = .active
            $0.authorityID = "bb"
            $0.notAfter = Int64(server.time.now.timeIntervalSince1970) + 3600
          }
        ]
      }
      _ = try await server.datastore.setCAJournal(
        CAJournal(data: try journal.serializedBytes(), activeX509AuthorityID: "bb"))
      let (asking, peer) = (server.parts.rollCall, peer(of: server))
      let bundle = try #require(try await server.parts.bundles.bundle(of: TestServer.domain))
      peer.confirmations.given(bundle, to: agent.id, at: server.time.now)
      let active = try #require(server.parts.authority.activeX509CA?.authorityID)
      let question = AuthorityQuestion(.x509, [active], .known)
      let first = await asking.ask(question)
      #expect(first.missing.count == 1 && !first.isSettled && first.silentServers == ["bb"])
      await peer.round()
      let second = await asking.ask(question)
      #expect(second.missing.isEmpty && second.servers == 1 && second.missingServers.isEmpty)
      // The server of the other journal stays silent; it had its time.
      #expect(!second.isComplete)
      server.time.advance(by: .seconds(5))
      #expect(await asking.ask(question).isComplete)
      // A server that has gone silent does not speak for its agents any more.
      server.time.advance(by: .seconds(31))
      let third = await asking.ask(question)
      #expect(third.servers == 0 && third.missing.count == 1)
      await asking.round()
      await peer.round()
      await asking.round()
      #expect(await asking.ask(question).missing.isEmpty)
      // When nobody asks, nothing is left in the table.
      server.time.advance(by: .seconds(61))
      await asking.round()
      await peer.round()
      let rows = try await server.datastore.listCAJournals()
      #expect(rows.count == 2 && !rows.contains { $0.activeX509AuthorityID.hasPrefix("swift-spire/") })
    }
  }

  @Test func aNoteLooksLikeAnEmptyJournalToOthers() throws {
    let note = RollCallNote.with {
      $0.instance = "a"
      $0.authorityID = "b"
      $0.beat = 3
      $0.questions = [.with { $0.id = "1" }]
    }
    let journal = try JournalEntries(serializedBytes: note.serializedBytes() as [UInt8])
    #expect(journal.x509Cas.isEmpty && journal.jwtKeys.isEmpty && journal.witKeys.isEmpty)
  }
}
