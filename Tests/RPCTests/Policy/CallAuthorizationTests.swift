import Daemon
import GRPCCore
import Logging
import SPIFFE
import SPIREProtos
import ServiceLifecycle
import Synchronization
import Testing

@testable import RPC

@Suite struct CallAuthorizationTests {
  /// Remembers what it was asked.
  final class Authorizer: CallAuthorizer {
    let asked = Mutex<[String]>([])
    let admin: AdminGrant?
    let downstream: Bool
    let agent: RPCFailure?

    init(admin: AdminGrant? = nil, downstream: Bool = false, agent: RPCFailure? = RPCFailure(.permissionDenied, "no")) {
      self.admin = admin
      self.downstream = downstream
      self.agent = agent
    }

    func adminGrant(for id: SPIFFEID) async throws -> AdminGrant? {
      asked.withLock { $0.append("admin") }
      return admin
    }

    func isDownstream(_ id: SPIFFEID) async throws -> Bool {
      asked.withLock { $0.append("downstream") }
      return downstream
    }

    func authorizeAgent(_ svid: VerifiedX509SVID, call: CallContext) async throws {
      asked.withLock { $0.append("agent") }
      if let agent { throw agent }
    }
  }

  static let all: MethodPolicy.Callers = [.local, .admin, .downstream, .agent]
  static let denied = RPCFailure(.permissionDenied, "authorization denied for method /grpc.health.v1.Health/Check")

  func call(_ callers: MethodPolicy.Callers, _ caller: Caller, log: TestLog = TestLog()) -> CallContext {
    CallContext(
      policy: MethodPolicy(HealthMethods.Check.descriptor, callers: callers),
      peer: PeerConnection(id: 1, caller: caller), logger: log.logger)
  }

  static let address = PeerAddress(ip: "10.0.0.1", port: 4711)

  func svid(_ path: String = "/spire/agent/x") throws -> Caller {
    .x509(try TestPKI("example.org").verified(path), Self.address)
  }

  var local: Caller {
    .local(LocalPeer(pid: 1, uid: 2, gid: 3, process: ProcessHandle(connectedTo: -1, pid: 1)))
  }

  @Test func methodsForAnybodyAskNobody() async throws {
    let authorizer = Authorizer(admin: .config)
    let decision = CallAuthorization(authorizer: authorizer)
    #expect(try await decision.authorize(call([.any, .admin], svid())) == .anybody)
    #expect(try await decision.authorize(call([.any], .anonymous(Self.address))) == .anybody)
    #expect(authorizer.asked.withLock { $0 } == [])
  }

  @Test func localCallersAreLocalAndNothingElse() async throws {
    let authorizer = Authorizer(admin: .config, downstream: true, agent: nil)
    let decision = CallAuthorization(authorizer: authorizer)
    #expect(try await decision.authorize(call(Self.all, local)) == .local)
    await #expect(throws: Self.denied) { try await decision.authorize(call([.admin, .downstream, .agent], local)) }
    #expect(authorizer.asked.withLock { $0 } == [])
  }

  @Test func adminThenDownstreamThenAgent() async throws {
    func decide(_ authorizer: Authorizer) async throws -> (Authorization, [String]) {
      let decision = try await CallAuthorization(authorizer: authorizer).authorize(call(Self.all, svid()))
      return (decision, authorizer.asked.withLock { $0 })
    }
    #expect(
      try await decide(Authorizer(admin: .entries, downstream: true, agent: nil)) == (.admin(.entries), ["admin"]))
    #expect(
      try await decide(Authorizer(downstream: true, agent: nil)) == (.downstream, ["admin", "downstream"]))
    #expect(try await decide(Authorizer(agent: nil)) == (.agent, ["admin", "downstream", "agent"]))
  }

  @Test func onlyWhatTheRowAllowsIsAsked() async throws {
    let authorizer = Authorizer(admin: .config, downstream: true, agent: nil)
    #expect(try await CallAuthorization(authorizer: authorizer).authorize(call([.agent], svid())) == .agent)
    await #expect(throws: Self.denied) {
      try await CallAuthorization(authorizer: authorizer).authorize(call([.local], svid()))
    }
    #expect(authorizer.asked.withLock { $0 } == ["agent"])
  }

  @Test func anonymousCallersAreDenied() async throws {
    let authorizer = Authorizer(admin: .config, downstream: true, agent: nil)
    let error = await #expect(throws: RPCFailure.self) {
      try await CallAuthorization(authorizer: authorizer).authorize(call(Self.all, .anonymous(Self.address)))
    }
    #expect(error == Self.denied && error?.details.isEmpty == true)
  }

  @Test func theReasonTravelsAsADetail() async throws {
    var details = Spire_Api_Types_PermissionDeniedDetails()
    details.reason = .agentExpired
    let log = TestLog()
    let authorizer = Authorizer(
      agent: RPCFailure(.permissionDenied, "agent \"x\" SVID is expired", details: [details]))
    let error = await #expect(throws: RPCFailure.self) {
      try await CallAuthorization(authorizer: authorizer).authorize(call([.agent], svid(), log: log))
    }
    #expect(error == Self.denied)
    #expect(
      error.map { RPCError($0).detail(Spire_Api_Types_PermissionDeniedDetails.self)?.reason } == .agentExpired)
    #expect(log.messages == ["Failed to authenticate caller"])
  }

  @Test func internalErrorsPassUnchanged() async throws {
    let failure = RPCFailure(.internalError, "unable to look up agent information: locked")
    await #expect(throws: failure) {
      try await CallAuthorization(authorizer: Authorizer(agent: failure)).authorize(call([.agent], svid()))
    }
  }
}
