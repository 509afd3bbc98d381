import CommandTesting
import Daemon
import DaemonTesting
import Flags
import Foundation
import GRPCCore
import SPIREProtos
import SwiftProtobuf
import Synchronization
import Testing

@testable import ServerCommands

/// `localauthority rotate` against a server that the test plays.
@Suite struct RotateCommandTests {
  private typealias State = Swiftspire_Server_Rotation_V1_GetRotationResponse

  private static func authority(_ id: String) -> Spire_Api_Server_Localauthority_V1_AuthorityState {
    .with {
      $0.authorityID = id
      $0.expiresAt = 1_795_378_245
    }
  }

  private static func confirmation(_ confirmed: Int32, of agents: Int32) -> Swiftspire_Server_Rotation_V1_Confirmation {
    .with {
      $0.agents = agents
      $0.confirmedAgents = confirmed
      $0.complete = confirmed == agents
      if confirmed < agents {
        $0.missingAgents = [
          .with {
            $0.id.trustDomain = "example.org"
            $0.id.path = "/spire/agent/slow"
            $0.lastHeardAt = 997
          }
        ]
      }
    }
  }

  // MARK: The plan

  private static func state(_ change: (inout State) -> Void) -> State {
    var state = State.with {
      $0.active = authority("new")
      $0.now = 1000
      $0.serverSvidReplaced = true
    }
    change(&state)
    return state
  }

  private static func old(_ state: inout State) {
    state.old = authority("old")
    state.oldRoot = "old"
    state.oldListed = true
    state.oldLastUse = 2000
  }

  @Test func thePlanFollowsTheStates() {
    let plan = RotationPlan()
    #expect(plan.next(Self.state { _ in }) == .prepare)
    #expect(
      plan.next(
        Self.state {
          $0.prepared = Self.authority("next")
          $0.preparedKnown = Self.confirmation(1, of: 2)
        }) == .awaitKnown)
    #expect(
      plan.next(
        Self.state {
          $0.prepared = Self.authority("next")
          $0.preparedKnown = Self.confirmation(2, of: 2)
        }) == .activate)
    // What a scheduled rotation left behind is not touched; what an interrupted one did is gone on with.
    #expect(plan.next(Self.state(Self.old)) == .prepare)
    let interrupted = Self.state {
      Self.old(&$0)
      $0.rotatingFrom = "old"
    }
    #expect(plan.next(interrupted) == .taint)
    var tainted = interrupted
    tainted.oldTainted = true
    tainted.oldReplaced = Self.confirmation(1, of: 2)
    #expect(plan.next(tainted) == .awaitReplaced)
    tainted.oldReplaced = Self.confirmation(2, of: 2)
    #expect(plan.next(tainted) == .revoke)
    tainted.serverSvidReplaced = false
    #expect(plan.next(tainted) == .awaitReplaced)
    tainted.serverSvidReplaced = true
    tainted.oldReplaced = Self.confirmation(1, of: 2)
    tainted.now = 2001
    #expect(plan.next(tainted) == .revoke, "all that it signed has expired")
    tainted.oldListed = false
    #expect(plan.next(tainted) == .prepare)
    #expect(RotationPlan(hasActed: true).next(tainted) == .finished)
  }

  @Test func aRootThatOthersUseIsNotWithdrawn() {
    let state = Self.state {
      Self.old(&$0)
      $0.oldRoot = "root"
      $0.rotatingFrom = "old"
      $0.hasUpstream_p = true
      $0.oldRootUsers = ["b", "c"]
    }
    guard case .blocked(let reason) = RotationPlan().next(state) else {
      Issue.record("not blocked")
      return
    }
    #expect(reason.contains("root") && reason.contains("b, c"))
    let same = Self.state {
      Self.old(&$0)
      $0.oldRoot = ""
      $0.hasUpstream_p = true
    }
    #expect(RotationPlan(hasActed: true).next(same) == .finished)
  }

  // MARK: The command

  /// A server whose authorities change as the calls say.
  private final class Server: Sendable {
    struct World {
      var state: State
      var calls: [String] = []
      /// Status requests until agents have confirmed.
      var patience = 2
    }
    let world: Mutex<World>

    init(_ state: State) { world = Mutex(World(state: state)) }

    var calls: [String] { world.withLock(\.calls) }

    private func act(_ name: String, _ body: (inout State) -> Void) {
      world.withLock { world in
        world.calls.append(name)
        world.patience = 2
        body(&world.state)
      }
    }

    private func look() -> State {
      world.withLock { world in
        world.patience -= 1
        if world.patience <= 0 {
          if world.state.hasPrepared { world.state.preparedKnown = RotateCommandTests.confirmation(2, of: 2) }
          if world.state.oldTainted { world.state.oldReplaced = RotateCommandTests.confirmation(2, of: 2) }
        }
        return world.state
      }
    }

    var methods: [any FakeMethod] {
      typealias Local = Spire_Api_Server_Localauthority_V1_LocalAuthority.Method
      typealias Rotation = Swiftspire_Server_Rotation_V1_Rotation.Method
      return [
        Unary<Swiftspire_Server_Rotation_V1_GetRotationRequest, State>(Rotation.GetRotation.descriptor) { _ in
          self.look()
        },
        Unary<
          Spire_Api_Server_Localauthority_V1_PrepareX509AuthorityRequest,
          Spire_Api_Server_Localauthority_V1_PrepareX509AuthorityResponse
        >(Local.PrepareX509Authority.descriptor) { _ in
          self.act("prepare") {
            $0.prepared = RotateCommandTests.authority("next")
            $0.preparedKnown = RotateCommandTests.confirmation(1, of: 2)
          }
          return .with { $0.preparedAuthority = RotateCommandTests.authority("next") }
        },
        Unary<
          Swiftspire_Server_Rotation_V1_ActivateAuthorityRequest,
          Swiftspire_Server_Rotation_V1_ActivateAuthorityResponse
        >(Rotation.ActivateAuthority.descriptor) { request in
          #expect(request.kind == .x509 && request.authorityID == "next" && request.beginsRotation)
          self.act(request.force ? "force" : "activate") {
            RotateCommandTests.old(&$0)
            $0.active = $0.prepared
            $0.clearPrepared()
            $0.rotatingFrom = "old"
          }
          return .init()
        },
        Unary<
          Spire_Api_Server_Localauthority_V1_TaintX509AuthorityRequest,
          Spire_Api_Server_Localauthority_V1_TaintX509AuthorityResponse
        >(Local.TaintX509Authority.descriptor) { request in
          self.act("taint \(request.authorityID)") {
            $0.oldTainted = true
            $0.oldReplaced = RotateCommandTests.confirmation(1, of: 2)
          }
          return .init()
        },
        Unary<
          Spire_Api_Server_Localauthority_V1_RevokeX509AuthorityRequest,
          Spire_Api_Server_Localauthority_V1_RevokeX509AuthorityResponse
        >(Local.RevokeX509Authority.descriptor) { request in
          self.act("revoke \(request.authorityID)") {
            $0.oldListed = false
            $0.rotatingFrom = ""
          }
          return .init()
        },
      ]
    }
  }

  private func rotate(_ server: Server, _ arguments: String = "") async throws -> Outcome {
    try await withEndpoint(server.methods) { path in
      let captured = CapturedIO(input: "", environment: [:])
      let command = LocalAuthorityRotate(time: HastyTime(Date(timeIntervalSince1970: 1000)), handleInterrupts: {})
      let words = arguments.split(separator: " ").map(String.init) + ["-socketPath", path]
      let code = await command.execute(words, io: captured.io)
      return Outcome(code: code, stdout: captured.stdout, stderr: captured.stderr)
    }
  }

  @Test func aWholeRotation() async throws {
    let server = Server(Self.state { $0.active = Self.authority("old") })
    let outcome = try await rotate(server)
    #expect(outcome.code == 0, "\(outcome)")
    #expect(server.calls == ["prepare", "activate", "taint old", "revoke old"])
    #expect(
      outcome.stdout.contains(
        "Waiting: 1 of 2 agents have it; not yet: spiffe://example.org/spire/agent/slow (heard 3s ago)."), "\(outcome)")
    #expect(outcome.stdout.hasSuffix("Finished: X.509 authority next signs.\n"), "\(outcome)")
  }

  @Test func anInterruptedRotationGoesOn() async throws {
    let server = Server(
      Self.state {
        Self.old(&$0)
        $0.rotatingFrom = "old"
      })
    let outcome = try await rotate(server, "-output json")
    #expect(outcome.code == 0, "\(outcome)")
    #expect(server.calls == ["taint old", "revoke old"])
    #expect(outcome.stdout.contains(#""revoked":"old","type":"x509""#), "\(outcome)")
    #expect(outcome.stderr.contains("Tainted old"))
  }

  @Test func aDryRunChangesNothing() async throws {
    let server = Server(Self.state { $0.active = Self.authority("old") })
    let outcome = try await rotate(server, "-dryRun")
    #expect(outcome.code == 0 && server.calls.isEmpty)
    #expect(outcome.stdout.contains("  1. prepare a new authority"), "\(outcome)")
    #expect(outcome.stdout.contains("revoke old"), "\(outcome)")
  }

  @Test func theTimeoutEndsTheWaitAndForceGoesOn() async throws {
    let waiting = Self.state {
      $0.active = Self.authority("old")
      $0.prepared = Self.authority("next")
      $0.preparedKnown = Self.confirmation(1, of: 2)
    }
    let stuck = Server(waiting)
    stuck.world.withLock { $0.patience = 1000 }
    let refused = try await rotate(stuck, "-timeout 5s")
    #expect(refused.code == 1 && stuck.calls.isEmpty)
    #expect(refused.stderr.contains("next is prepared and in the bundle, and does not sign"), "\(refused)")
    stuck.world.withLock { $0.patience = 1000 }
    let forced = try await rotate(stuck, "-timeout 5s -force")
    #expect(forced.code == 0, "\(forced)")
    #expect(stuck.calls == ["force", "taint old", "revoke old"])
  }

  @Test func anotherImplementationIsLeftAlone() async throws {
    let outcome = try await withEndpoint([]) { path in
      await ServerCommandsTests.run("localauthority rotate -socketPath \(path)")
    }
    #expect(outcome.code == 1)
    #expect(outcome.stderr.contains("Nothing was changed"), "\(outcome)")
    let type = await ServerCommandsTests.run("localauthority rotate -type ssh")
    #expect(type.code != 0 && type.stderr.contains("ssh"), "\(type)")
  }
}
