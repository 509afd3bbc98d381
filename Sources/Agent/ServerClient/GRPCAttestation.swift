package import Daemon
import FoundationEssentials
import GRPCCore
import RPC
import SPIFFE
import SPIREProtos
package import TLS

/// Attests over gRPC: a connection of its own, on which the server proves its identity and the agent none yet.
/// Stateless.
package struct GRPCAttestation: AttestationAPI {
  private typealias Agent = Spire_Api_Server_Agent_V1_Agent
  private typealias Request = Spire_Api_Server_Agent_V1_AttestAgentRequest

  private let address: ServerAddress
  private let tls: TLSPolicy
  private let time: any TimeSource

  package init(address: ServerAddress, tls: TLSPolicy = TLSPolicy(), time: any TimeSource) {
    self.address = address
    self.tls = tls
    self.time = time
  }

  package func attest(_ request: AttestationRequest) async throws -> AttestationResult {
    do {
      let tls = ClientTLS(server: try check(request.authorities), policy: tls, now: { [time] in time.now })
      return try await withTLSClient(host: address.host, port: address.port, tls: tls) { client in
        let (chain, reattestable) = try await answered { try await attest(request, client) }
        let message = try await Spire_Api_Server_Bundle_V1_Bundle.Client(wrapping: client)
          .getBundle(.init(), options: .within(.seconds(30)))
        return AttestationResult(
          chain: chain, reattestable: reattestable, bundle: try ServerConversions.bundle(message))
      }
    } catch {
      throw AgentError(call: error)
    }
  }

  private func check(_ authorities: [[UInt8]]?) throws -> ClientTLS.ServerCheck {
    let id = try address.serverID
    guard let authorities else { return .insecure(id: id) }
    let bundle = Bundle(trustDomain: address.trustDomain, x509Authorities: authorities.map { X509Authority(der: $0) })
    return .spiffe(id: id, bundle: { bundle })
  }

  /// SPIRE's words for a refusal of the server's. A server that was not reached has texts of its own.
  private func answered<Answer>(_ call: () async throws -> Answer) async throws -> Answer {
    do { return try await call() } catch let error as RPCError where error.connectError == nil {
      throw AgentError(call: error).during("failed to receive attestation response")
    }
  }

  private func attest(_ request: AttestationRequest, _ client: RPCClient) async throws -> ([[UInt8]], Bool) {
    let (steps, sender) = AsyncStream.makeStream(of: Request.self, bufferingPolicy: .bufferingOldest(4))
    var first = Request()
    first.params.data.type = request.type
    first.params.data.payload = Data(request.payload)
    first.params.params.csr = Data(request.csr)
    sender.yield(first)
    return try await Agent.Client(wrapping: client).attestAgent(
      options: .within(.seconds(30)),
      requestProducer: { writer in
        for await step in steps { try await writer.write(step) }
      },
      onResponse: { response in
        defer { sender.finish() }
        for try await message in response.messages {
          switch message.step {
          case .challenge(let challenge):
            var answer = Request()
            answer.challengeResponse = Data(try await request.respond(Array(challenge)))
            sender.yield(answer)
          case .result(let result):
            return (result.svid.certChain.map { Array($0) }, result.reattestable)
          case nil:
            throw AgentError(.malformed, "the server answered the attestation with an empty message")
          }
        }
        throw AgentError(.malformed, "the server ended the attestation without a result")
      })
  }
}
