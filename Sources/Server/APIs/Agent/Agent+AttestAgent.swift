import Authority
import Daemon
import DatastoreAPI
import FoundationEssentials
package import GRPCCore
import Keys
import RPC
import SPIFFE
package import SPIREProtos
import ServerPlugins

extension AgentAPI {
  /// Attests a node and gives it its first SVID. Anybody may call; what the attestor says decides.
  package func attestAgent(
    request: RPCAsyncSequence<Spire_Api_Server_Agent_V1_AttestAgentRequest, any Error>,
    response: RPCWriter<Spire_Api_Server_Agent_V1_AttestAgentResponse>, context: ServerContext
  ) async throws {
    let call = try APICall(context)
    let patience = AttestationPatience(time: server.time)
    do {
      try await patience.run { try await attest(request, response, call, patience) }
    } catch let error as AttestationPatience.Exhausted {
      if case .turnedAway(let refusal) = error { throw refused(refusal, call) }
      throw call.failure(.deadlineExceeded, "\(error)")
    }
  }

  private func attest(
    _ request: RPCAsyncSequence<Spire_Api_Server_Agent_V1_AttestAgentRequest, any Error>,
    _ response: RPCWriter<Spire_Api_Server_Agent_V1_AttestAgentResponse>, _ call: APICall,
    _ patience: AttestationPatience
  ) async throws {
    var call = call
    let dialogue = AttestationDialogue(
      request, response, address: call.context.caller.address?.ip, patience: patience)
    let first = try await receiveFirst(dialogue, call)
    let place = try enter(first, call, patience)
    defer { place?.leave() }
    let params = try await admittedParams(first, call)
    // A token, or a first use, must not be used up for somebody who is turned away in this moment.
    guard place?.waits(false) != false else { throw AttestationPatience.Exhausted.turnedAway(.server) }
    dialogue.place = place
    let type = params.data.type
    call.audit(["node_attestor_type": type])
    call.note("node_attestor_type", type)

    let node = try await attest(params.data, dialogue, call, patience)
    let id = node.agentID
    var selectors = node.selectorValues.map { Selector(type: type, value: $0) }
    guard id != .server(of: server.trustDomain) else {
      throw call.failure(.internalError, "agent ID cannot collide with the server ID")
    }
    call.audit(["agent_id": id.description])
    call.note("agent_id", id.description)
    if !id.isMember(of: server.trustDomain) || !id.path.hasPrefix("/spire/agent/\(type)/") {
      call.warning(
        "The node attestor produced an invalid agent ID; it should lie below /spire/agent/\(type)/")
    }
    if server.options.agentIDAsSelector {
      selectors.append(Selector(type: "spiffe_id", value: id.description))
    }
    let svid = try await admit(
      node, type: type, selectors: selectors, csr: [UInt8](params.params.csr), call)

    var reply = Spire_Api_Server_Agent_V1_AttestAgentResponse()
    reply.result.svid = svid.api
    reply.result.reattestable = node.canReattest
    do {
      try await response.write(reply)
    } catch {
      throw call.failure(.internalError, "failed to send response over stream", error)
    }
    call.note("address", call.remoteAddress)
    call.info("Agent attestation request completed")
  }

  private typealias Request = Spire_Api_Server_Agent_V1_AttestAgentRequest

  private func receiveFirst(_ dialogue: AttestationDialogue, _ call: APICall) async throws -> Request {
    do {
      return try await dialogue.receive().withoutUnknownFields
    } catch {
      throw call.failure(.invalidArgument, "failed to receive request from stream", error)
    }
  }

  /// A place among the attestations of the moment. Local callers need none.
  private func enter(
    _ first: Request, _ call: APICall, _ patience: AttestationPatience
  ) throws -> AttestationRoom.Place? {
    guard let address = call.context.caller.address else { return nil }
    do {
      return try server.attestations.enter(address.network, bytes: first.keptBytes) { patience.turnAway($0) }
    } catch {
      throw refused(error, call)
    }
  }

  private func refused(_ refusal: AttestationRoom.Refusal, _ call: APICall) -> RPCFailure {
    if let others = server.attestations.admitToLog() {
      var call = call
      call.note("reason", "\(refusal)")
      call.note("address", call.remoteAddress)
      if others > 0 { call.note("suppressed", .value(others)) }
      call.warning("Attestation refused")
    }
    return RPCFailure(.resourceExhausted, "\(refusal)")
  }

  /// What the first message says, checked. The rate is limited before anything costs.
  private func admittedParams(_ first: Request, _ call: APICall) async throws -> Request.Params {
    try await call.limitRate("rejecting request due to attest agent rate limiting")
    func malformed(_ why: String) -> RPCFailure {
      call.failure(.invalidArgument, "malformed param", ConversionError(why))
    }
    guard case .params(let params)? = first.step else { throw malformed("missing params") }
    guard params.hasData else { throw malformed("missing attestation data") }
    guard params.hasParams else { throw malformed("missing X509-SVID parameters") }
    guard !params.params.csr.isEmpty else { throw malformed("missing CSR") }
    guard !params.data.type.isEmpty else { throw malformed("missing attestation data type") }
    guard params.data.type.utf8.count <= Request.longestType else {
      throw malformed("attestation data type is longer than \(Request.longestType) bytes")
    }
    guard !params.data.payload.isEmpty else { throw malformed("missing attestation data payload") }
    return params
  }

  private func attest(
    _ data: Spire_Api_Types_AttestationData, _ dialogue: AttestationDialogue, _ call: APICall,
    _ patience: AttestationPatience
  ) async throws -> any VerifiedNode {
    if data.type == JoinTokenAttestation.type {
      return try await attestJoinToken(String(decoding: data.payload, as: UTF8.self), call)
    }
    guard let attestor = server.nodeAttestor(data.type) else {
      throw call.failure(
        .failedPrecondition, "error getting node attestor",
        ConversionError("could not find node attestor type \"\(data.type)\""))
    }
    do {
      let payload = [UInt8](data.payload)
      let pass = server.attestations.lane.pass(bytes: payload.count)
      dialogue.pass = pass
      patience.setLimit(attestor.answerTime)
      return try await BackgroundWork.$pass.withValue(pass) {
        try await attestor.attest(payload, with: dialogue)
      }
    } catch {
      // SPIRE: what an attestor says reaches the agent as it is, behind the attestor's name.
      let named = error as? any StatusNamed
      let code = named.flatMap { RPCError.Code(name: $0.statusName) } ?? .unknown
      let isOurs = error is AttestationDialogue.Broken
      let text =
        isOurs ? "\(error)" : ServerPluginError.text(describe(error), type: "NodeAttestor", name: attestor.name)
      throw call.failure(code, Request.cut(text))
    }
  }

  /// Takes the token out of the datastore. Of any number of attempts with one token, one gets it.
  private func attestJoinToken(_ value: String, _ call: APICall) async throws -> any VerifiedNode {
    let token: JoinToken?
    do {
      token = try await server.datastore.consumeJoinToken(value)
    } catch {
      throw call.failure(.internalError, "failed to delete join token", error)
    }
    guard let token else {
      throw call.failure(
        .invalidArgument, "failed to attest: join token does not exist or has already been used")
    }
    guard Double(token.expiresAt) >= server.time.now.timeIntervalSince1970 else {
      throw call.failure(.invalidArgument, "join token expired")
    }
    do {
      return try JoinTokenNode(token, trustDomain: server.trustDomain)
    } catch {
      throw call.failure(.internalError, "failed to create join token ID", error)
    }
  }

  /// Signs the SVID of an attested node and writes down the agent.
  private func admit(
    _ node: any VerifiedNode, type: String, selectors: [Selector], csr: [UInt8], _ call: APICall
  ) async throws -> IssuedX509SVID {
    let id = node.agentID
    let known: AttestedNode?
    do {
      known = try await server.datastore.fetchAgent(id: id)
    } catch {
      throw call.failure(.internalError, "failed to fetch agent", error)
    }
    if known?.isBanned == true {
      throw call.failure(.permissionDenied, "failed to attest: agent is banned")
    }
    let svid = try await sign(csr: csr, agent: id, call)
    let attested = AttestedNode(
      id: id, attestationType: type, serialNumber: svid.serialNumber, expiresAt: svid.expiresAt,
      selectors: Array(Set(selectors)).sorted(), canReattest: node.canReattest,
      agentVersion: known?.agentVersion ?? "")
    do {
      _ = try await server.datastore.recordAttestation(of: attested, mustBeNew: node.isFirstUseOnly)
    } catch  where error.code == .failedPrecondition {
      // Banned since we looked.
      throw call.failure(.permissionDenied, "failed to attest: agent is banned", error)
    } catch  where error.code == .alreadyExists && node.isFirstUseOnly {
      // Another one was first while this one proved itself.
      let refusal = ServerPluginError.usedBefore
      throw call.failure(
        .permissionDenied, ServerPluginError.text(refusal.message, type: "NodeAttestor", name: type))
    } catch {
      let what = known == nil ? "failed to create attested agent" : "failed to update attested agent"
      throw call.failure(.internalError, what, error)
    }
    return svid
  }
}
