import Daemon
import GRPCCore
import GRPCProtobuf
import Logging
import SPIFFE
import SPIREProtos
import ServiceLifecycle
import Testing

@testable import RPC

@Suite struct RPCFailureTests {
  @Test func codesHaveGosNames() {
    #expect(RPCError.Code.cancelled.name == "Canceled")
    #expect(RPCError.Code.internalError.name == "Internal")
    for number in Int32(1)...16 {
      let code = RPCError.Code(number: number)
      #expect(code.flatMap { RPCError.Code(name: $0.name) } == code)
    }
    #expect(RPCError.Code(number: 0) == nil && RPCError.Code(number: 99) == nil && RPCError.Code(name: "OK") == nil)
  }

  @Test func errorsReadAsGosTools() {
    #expect(
      RPCError(code: .notFound, message: "agent not found").text == "rpc error: code = NotFound desc = agent not found")
  }

  @Test func detailsComeThrough() throws {
    var details = Spire_Api_Types_PermissionDeniedDetails()
    details.reason = .agentBanned
    let error = RPCError(RPCFailure(.permissionDenied, "authorization denied", details: [details]))
    #expect(error.message == "authorization denied")
    #expect(error.detail(Spire_Api_Types_PermissionDeniedDetails.self)?.reason == .agentBanned)
    #expect(error.detail(Spire_Api_Types_Status.self) == nil)
    #expect(RPCError(RPCFailure(.internalError, "x")).metadata.isEmpty)
  }

  @Test func reasonsForProgramsComeFirst() throws {
    let failure = RPCFailure(
      .notFound, "no such workload", details: [Spire_Api_Types_Status()],
      reason: FailureReason("WORKLOAD_NOT_FOUND", domain: "spiffe.io"))
    let error = RPCError(failure)
    let details = try #require(try error.unpackGoogleRPCStatus()).details
    #expect(details.count == 2)
    #expect(details.first?.errorInfo?.reason == "WORKLOAD_NOT_FOUND")
    #expect(details.first?.errorInfo?.domain == "spiffe.io")
    #expect(error.detail(Spire_Api_Types_Status.self) != nil)
  }

  @Test func brokenDetailsAreNoDetails() {
    let error = RPCError(
      code: .permissionDenied, message: "", metadata: ["grpc-status-details-bin": .binary([0xff, 0xff, 0xff])])
    #expect(error.detail(Spire_Api_Types_PermissionDeniedDetails.self) == nil)
  }

  @Test func statusNamesLabelMetrics() {
    let sink = TestMetrics()
    sink.metrics.startCall(["a"]).done(error: RPCError(code: .unavailable, message: ""))
    sink.metrics.startCall(["a"]).done(error: RPCFailure(.notFound, ""))
    #expect(sink.all == ["a status=Unavailable", "a status=NotFound"])
  }
}
