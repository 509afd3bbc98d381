import Daemon
import Foundation
import GRPCCore
import Logging
import SPIFFE
import SPIREProtos
import ServiceLifecycle
import Testing

@testable import RPC

@Suite struct CallInterceptorTests {
  let folder: SocketFolder
  let log = TestLog()
  let metrics = TestMetrics()

  init() throws { folder = try SocketFolder() }

  func run(
    _ policies: [MethodPolicy], auditing: Bool = false, _ service: TestService,
    _ body: @Sendable (RPCClient) async throws -> Void
  ) async throws {
    let path = folder.socket
    try await withEndpoint(
      folder.listen(), services: [service],
      interceptors: [testInterceptor(policies, log: log, metrics: metrics.metrics, auditing: auditing)]
    ) { _, _ in try await withUnixClient(path) { try await body($0) } }
  }

  func check(_ client: RPCClient, _ name: String = "") async throws {
    var request = Grpc_Health_V1_HealthCheckRequest()
    request.service = name
    _ = try await health(client).check(request, options: .within(.seconds(10)))
  }

  @Test func everyCallIsCounted() async throws {
    let service = TestService(
      onCheck: { request, context in
        try context.call.addMetricLabel("node_attestor_type", "join_token")
        if request.service == "x" { throw RPCFailure(.notFound, "no") }
      },
      onWatch: { writer, _ in
        try await writer.write(TestService.serving)
        throw RPCFailure(.aborted, "enough")
      })
    try await run(testPolicies(.local), service) { client in
      try await check(client)
      _ = try? await check(client, "x")
      _ = try? await health(client).watch(.init()) { response in for try await _ in response.messages {} }
    }
    try await run(testPolicies(.agent), service) { client in _ = try? await check(client) }
    #expect(
      metrics.all == [
        "rpc.health.check node_attestor_type=join_token status=OK",
        "rpc.health.check node_attestor_type=join_token status=NotFound", "rpc.health.watch status=Aborted",
        "rpc.health.check status=PermissionDenied",
      ])
  }

  @Test func auditRecordsSayWhoDidWhat() async throws {
    let service = TestService(onCheck: { request, context in
      let call = try context.call
      call.audit.add(["spiffe_id": "spiffe://example.org/x"])
      if request.service == "x" { throw RPCFailure(.invalidArgument, "bad") }
    })
    try await run(testPolicies(.local), auditing: true, service) { client in
      try await check(client)
      _ = try? await check(client, "x")
    }
    try await run(testPolicies(.agent), auditing: true, service) { client in _ = try? await check(client) }
    let records = log.all.filter { $0.message == "API accessed" }
    #expect(records.count == 2)
    var expected = [
      "type": "audit", "service": "Health", "method": "Check", "status": "success", "caller_uid": "\(getuid())",
      "caller_gid": "\(getgid())", "authorized_as": "local", "authorized_via": "transport",
      "spiffe_id": "spiffe://example.org/x",
    ]
    var first = records[0].fields
    #expect(first.removeValue(forKey: "request_id")?.count == 36)
    #expect(first.removeValue(forKey: "caller_path")?.hasPrefix("/") == true)
    #expect(first == expected)
    expected.merge(["status": "error", "status_code": "InvalidArgument", "status_message": "bad"]) { $1 }
    var second = records[1].fields
    second["request_id"] = nil
    second["caller_path"] = nil
    #expect(second == expected)
  }

  @Test func batchesAuditTheirItems() async throws {
    let service = TestService(onCheck: { request, context in
      let audit = try context.call.audit
      audit.item(["entry_id": "1"])
      audit.item(["entry_id": "2"], failure: RPCFailure(.notFound, "entry not found"))
      if request.service == "x" { throw RPCFailure(.internalError, "broken") }
    })
    try await run(testPolicies(.local, audit: .items), auditing: true, service) { client in
      try await check(client)
      _ = try? await check(client, "x")
    }
    let records = log.all.filter { $0.message == "API accessed" }.map {
      [$0.fields["entry_id"] ?? "-", $0.fields["status"] ?? "", $0.fields["status_code"] ?? "-"]
    }
    #expect(
      records == [
        ["1", "success", "-"], ["2", "error", "NotFound"], ["1", "success", "-"], ["2", "error", "NotFound"],
        ["-", "error", "Internal"],
      ])
    #expect(log.all.allSatisfy { $0.fields["authorized_as"] == "local" })
  }

  @Test func withoutTheAuditLogFieldsAreNotComputed() async throws {
    let service = TestService(onCheck: { _, context in
      func fail() -> String {
        Issue.record("computed")
        return ""
      }
      try context.call.audit.add(["x": "\(fail())"])
      try context.call.audit.item(["x": "\(fail())"])
    })
    try await run(testPolicies(.local), service) { try await check($0) }
    #expect(log.all.isEmpty)
  }

  @Test func theAgentsRecordsNameTheProcess() throws {
    let call = CallContext(
      policy: testPolicies(.any)[0],
      peer: PeerConnection(
        id: 1, caller: .local(LocalPeer(pid: 42, uid: 0, gid: 0, process: ProcessHandle(connectedTo: -1, pid: 42)))),
      logger: log.logger, style: .agent)
    call.authorized(.anybody)
    call.logger.info("x")
    #expect(log.all[0].fields == ["service": "Health", "method": "Check", "pid": "42"])
  }

  @Test func theDeadlineOfTheCallerIsKnown() async throws {
    let service = TestService(onCheck: { _, context in
      let left = try context.call.deadline.map { ContinuousClock.now.duration(to: $0) }
      #expect(left.map { $0 > .seconds(1) && $0 <= .seconds(10) } == true)
    })
    try await run(testPolicies(.local), service) { try await check($0) }
  }
}
