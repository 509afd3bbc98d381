import Foundation
import GRPCCore
import GRPCProtobuf
import Keys
import RPC
import SPIFFE
import SPIREProtos
import SwiftProtobuf
import Synchronization
import X509

@testable import Agent
@testable import Daemon

/// A server on the wire for the agent's gRPC client: the few methods that the client calls, with answers of the test's.
struct WireServer: RegistrableRPCService {
  typealias Agent = Spire_Api_Server_Agent_V1_Agent.Method
  typealias Entry = Spire_Api_Server_Entry_V1_Entry.Method
  typealias Bundle = Spire_Api_Server_Bundle_V1_Bundle.Method

  let ca: TestCA
  let agentID: SPIFFEID
  /// The entries' ids; more than two come as revisions, two at a time.
  let entryIDs: [String]
  /// Answered to SyncAuthorizedEntries when set.
  let denial: Spire_Api_Types_PermissionDeniedDetails.Reason?

  static let policies = [
    Agent.AttestAgent.descriptor, Entry.SyncAuthorizedEntries.descriptor, Bundle.GetBundle.descriptor,
    Bundle.GetFederatedBundle.descriptor,
  ].map { MethodPolicy($0, callers: .any, audit: .none) }

  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    handle(&router, Agent.AttestAgent.descriptor, attest)
    handle(&router, Entry.SyncAuthorizedEntries.descriptor, sync)
    handle(&router, Bundle.GetBundle.descriptor) {
      (_: Spire_Api_Server_Bundle_V1_GetBundleRequest, write: (Spire_Api_Types_Bundle) async throws -> Void) in
      try await write(bundle)
      return false
    }
    handle(&router, Bundle.GetFederatedBundle.descriptor) {
      (_: Spire_Api_Server_Bundle_V1_GetFederatedBundleRequest, _: (Spire_Api_Types_Bundle) async throws -> Void) in
      throw RPCFailure(.notFound, "bundle not found")
    }
  }

  /// Registers a method that is called for each message and says whether it wants more.
  private func handle<Transport: ServerTransport, Input: SwiftProtobuf.Message, Output: SwiftProtobuf.Message>(
    _ router: inout RPCRouter<Transport>, _ descriptor: MethodDescriptor,
    _ body: @escaping @Sendable (Input, (Output) async throws -> Void) async throws -> Bool
  ) {
    router.registerHandler(
      forMethod: descriptor, deserializer: ProtobufDeserializer<Input>(), serializer: ProtobufSerializer<Output>()
    ) { (request: StreamingServerRequest<Input>, _) -> StreamingServerResponse<Output> in
      StreamingServerResponse { writer in
        for try await message in request.messages {
          guard try await body(message, { try await writer.write($0) }) else { break }
        }
        return [:]
      }
    }
  }

  private var bundle: Spire_Api_Types_Bundle {
    var bundle = Spire_Api_Types_Bundle()
    bundle.trustDomain = ca.trustDomain.name
    var authority = Spire_Api_Types_X509Certificate()
    authority.asn1 = Data(ca.der)
    bundle.x509Authorities = [authority]
    return bundle
  }

  /// Challenges once and signs for the first request's key if the answer is the challenge reversed.
  private func attest(
    _ request: Spire_Api_Server_Agent_V1_AttestAgentRequest,
    _ write: (Spire_Api_Server_Agent_V1_AttestAgentResponse) async throws -> Void
  ) async throws -> Bool {
    var response = Spire_Api_Server_Agent_V1_AttestAgentResponse()
    switch request.step {
    case .params(let params):
      Self.csr.withLock { $0 = Array(params.params.csr) }
      response.challenge = Data([1, 2, 3])
      try await write(response)
      return true
    case .challengeResponse(let answer) where Array(answer) == [3, 2, 1]:
      let csr = Self.csr.withLock { $0 }
      response.result.svid.certChain = try ca.sign(csr: csr, id: agentID, now: Date(), lifetime: 3600).map { Data($0) }
      response.result.reattestable = true
      try await write(response)
      return false
    default: throw RPCFailure(.permissionDenied, "wrong answer")
    }
  }

  /// One attestation at a time is enough for a test.
  private static let csr = Mutex<[UInt8]>([])

  private func sync(
    _ request: Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesRequest,
    _ write: (Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesResponse) async throws -> Void
  ) async throws -> Bool {
    if let denial {
      var details = Spire_Api_Types_PermissionDeniedDetails()
      details.reason = denial
      throw RPCFailure(.permissionDenied, "authorization denied", details: [details])
    }
    var response = Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesResponse()
    if !request.ids.isEmpty {
      response.entries = request.ids.map(entry)
      try await write(response)
      return true
    }
    guard request.outputMask.revisionNumber, request.outputMask.selectors else {
      throw RPCFailure(.invalidArgument, "revision number cannot be masked")
    }
    guard entryIDs.count > 2 else {
      response.entries = entryIDs.map(entry)
      try await write(response)
      return false
    }
    for start in stride(from: 0, to: entryIDs.count, by: 2) {
      response.entryRevisions = entryIDs[start..<min(start + 2, entryIDs.count)].map { id in
        var revision = Spire_Api_Server_Entry_V1_EntryRevision()
        revision.id = id
        return revision
      }
      response.more = start + 2 < entryIDs.count
      try await write(response)
    }
    return true
  }

  private func entry(_ id: String) -> Spire_Api_Types_Entry {
    var entry = Spire_Api_Types_Entry()
    entry.id = id
    entry.spiffeID.trustDomain = ca.trustDomain.name
    // An id with a space makes a path that no SPIFFE ID may have.
    entry.spiffeID.path = "/" + id
    var selector = Spire_Api_Types_Selector()
    selector.type = "unix"
    selector.value = "uid:0"
    entry.selectors = [selector]
    return entry
  }
}

/// The server's TLS identity.
struct WireIdentity: TLSIdentity {
  let chain: [[UInt8]]
  let key: [UInt8]
  let bundle: SPIFFE.Bundle

  init(_ ca: TestCA) throws {
    let key = try SoftwareKey(generating: .ecP256)
    let csr = try CertificateRequest.makeNow(key: key, id: nil)
    let id = try SPIFFEID(trustDomain: ca.trustDomain, path: "/spire/server")
    chain = try ca.sign(csr: csr, id: id, now: Date(), lifetime: 3600)
    self.key = key.pkcs8
    bundle = ca.bundle()
  }

  func credential() throws -> TLSCredential { TLSCredential(chain: chain, key: .der(key)) }

  func verify(_ chain: [[UInt8]]) async throws -> VerifiedX509SVID {
    try X509SVIDVerifier(bundle: bundle).verify(chain: chain, at: Date())
  }
}
