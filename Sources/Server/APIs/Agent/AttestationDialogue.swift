import Daemon
import FoundationEssentials
import GRPCCore
import Keys
import RPC
import SPIREProtos
import ServerPlugins

/// The stream of one AttestAgent call as the attestor sees it: challenges go out, responses come back. Owned by that
/// call's task; not shared.
final class AttestationDialogue: NodeChallenger {
  typealias Request = Spire_Api_Server_Agent_V1_AttestAgentRequest
  typealias Response = Spire_Api_Server_Agent_V1_AttestAgentResponse

  /// Challenges of one attestation. Attestors need one or two; more would be a loop.
  static let maximumChallenges = 64

  /// The stream ended or failed while the attestor waited for the agent.
  struct Broken: Error, StatusNamed, CustomStringConvertible {
    let description: String
    var statusName: String { "Internal" }
  }

  let address: String?
  private var messages: RPCAsyncSequence<Request, any Error>.AsyncIterator
  private let writer: RPCWriter<Response>
  private let patience: AttestationPatience
  private var challenges = 0
  /// What the attestation has in the room, which the agent's silence may cost it.
  var place: AttestationRoom.Place?
  /// Where its proofs are checked.
  var pass: BackgroundLane.Pass?

  init(
    _ messages: RPCAsyncSequence<Request, any Error>, _ writer: RPCWriter<Response>, address: String?,
    patience: AttestationPatience
  ) {
    self.messages = messages.makeAsyncIterator()
    self.writer = writer
    self.address = address
    self.patience = patience
  }

  /// The next message of the agent.
  func receive() async throws -> Request {
    try await patience.waiting {
      guard let message = try await messages.next() else { throw ConversionError("EOF") }
      return message
    }
  }

  func respond(to challenge: [UInt8]) async throws -> [UInt8] {
    challenges += 1
    guard challenges <= Self.maximumChallenges else {
      throw Broken(description: "failed to send challenge to agent: more than \(Self.maximumChallenges) challenges")
    }
    var response = Response()
    response.challenge = Data(challenge)
    place?.waits(true)
    do { try await patience.waiting { try await writer.write(response) } } catch {
      throw Broken(description: "failed to send challenge to agent: \(describe(error))")
    }
    do {
      let answer = [UInt8](try await receive().challengeResponse)
      guard place?.waits(false) != false else { throw AttestationPatience.Exhausted.turnedAway(.server) }
      // No attestor challenges before it has checked what came first: this is more than a stranger can do.
      pass?.goesFirst()
      return answer
    } catch {
      throw Broken(description: "failed to receive challenge from agent: \(describe(error))")
    }
  }
}
