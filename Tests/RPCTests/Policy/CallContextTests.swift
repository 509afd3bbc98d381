import Daemon
import Foundation
import GRPCCore
import Logging
import SPIFFE
import SPIREProtos
import ServiceLifecycle
import Testing

@testable import RPC

@Suite struct CallContextTests {
  let log = TestLog()

  func call(_ caller: Caller, limiter: RateLimiter? = nil, deadline: Duration? = nil, metrics: Metrics = .none)
    -> CallContext
  {
    CallContext(
      policy: MethodPolicy(HealthMethods.Check.descriptor, callers: .any, rateLimit: limiter),
      peer: PeerConnection(id: 1, caller: caller), logger: log.logger.with(subsystem: "api"), metrics: metrics,
      deadline: deadline.map { .now + $0 })
  }

  @Test func failuresAreLoggedAndWordedByTheirCode() throws {
    struct Inner: Error, CustomStringConvertible { let description = "bad thing" }
    let call = call(.anonymous(PeerAddress(ip: "::1", port: 9)))
    call.authorized(.anybody)
    #expect(
      call.failure(.invalidArgument, "failed to convert entry", cause: Inner()).message
        == "failed to convert entry: bad thing")
    #expect(call.failure(.notFound, "agent not found", cause: Inner()).message == "agent not found")
    #expect(
      call.failure(.internalError, "failed to list", cause: RPCFailure(.notFound, "x")).message
        == "failed to list: x")
    #expect(call.failure(.invalidArgument, "missing ID").message == "missing ID")
    #expect(
      log.messages == [
        "Invalid argument: failed to convert entry", "Agent not found", "Failed to list",
        "Invalid argument: missing ID",
      ])
    #expect(
      log.all[0].fields == [
        "error": "bad thing", "subsystem_name": "api", "service": "Health", "method": "Check",
        "request_id": call.requestID, "caller_addr": "[::1]:9", "authorized_as": "nobody", "authorized_via": "",
      ])
    #expect(log.all[3].fields["error"] == nil)
    #expect(UUID(uuidString: call.requestID) != nil && call.requestID == call.requestID.lowercased())
  }

  @Test func limitsHoldPerAddressAndNotLocally() async throws {
    let time = TestTime()
    let limiter = RateLimiter(perSecond: 1, time: time)
    let metrics = TestMetrics()
    let first = call(
      .anonymous(PeerAddress(ip: "10.0.0.1", port: 1)), limiter: limiter, deadline: .milliseconds(100),
      metrics: metrics.metrics)
    let again = call(
      .anonymous(PeerAddress(ip: "10.0.0.1", port: 2)), limiter: limiter, deadline: .milliseconds(100),
      metrics: metrics.metrics)
    try await first.limit(1, refusing: "rejecting request due to attest agent rate limiting")
    await #expect(
      throws: RPCFailure(
        .resourceExhausted,
        "rejecting request due to attest agent rate limiting: rate: Wait(n=1) would exceed context deadline")
    ) { try await again.limit(1, refusing: "rejecting request due to attest agent rate limiting") }
    let local = call(
      .local(LocalPeer(pid: 1, uid: 0, gid: 0, process: ProcessHandle(connectedTo: -1, pid: 1))), limiter: limiter)
    for _ in 0..<5 { try await local.limit(1, refusing: "") }
    #expect(metrics.all == ["rateLimit.health.check status=OK", "rateLimit.health.check status=ResourceExhausted"])
  }
}
