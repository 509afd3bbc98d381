import Foundation
import NIOCore
import SPIREProtos
import Testing

@testable import Daemon
@testable import NodeProofs
@testable import RPC
@testable import Server
@testable import ServerPlugins

/// docs/security/limits.md says what the constants say.
@Suite struct LimitsPageTests {
  private static let page: [[String]] = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("docs/security/limits.md")
    let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").filter { $0.hasPrefix("| ") }
      .map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
  }()

  private static func number(_ value: Int) -> String {
    var text = ""
    for (index, digit) in String(value).reversed().enumerated() {
      if index > 0 && index % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }

  private static func bytes(_ value: Int) -> String {
    value % (1 << 20) == 0 ? "\(value >> 20) MiB" : "\(value >> 10) KiB"
  }

  /// What the first cell of a row is, and its number.
  private static let bounds: [(what: String, number: String)] = {
    let options = GRPCEndpoint.Options()
    let connection = options.limits(for: .unix(path: "/"))
    let frames = FrameMeter.Limits()
    return [
      ("connections", number(options.maximumConnections)),
      ("connections of an address", number(options.maximumConnectionsOfAddress)),
      ("connections whose handshake does not go on", number(options.maximumIdleHandshakes)),
      ("those of an address", number(options.maximumIdleHandshakesOfAddress)),
      ("TLS handshakes at a time", number(options.maximumHandshakes)),
      ("time for which a handshake keeps its place", "\(HandshakeAdmission.patience.nanoseconds / 1_000_000) ms"),
      ("bytes before the handshake begins", bytes(HandshakeAdmission.mostBytes)),
      ("time until HTTP/2 has begun", "\(options.silenceLimit.components.seconds) s"),
      ("headers of a call", bytes(options.maximumHeaderBytes)),
      ("a message", bytes(options.maximumMessageBytes)),
      ("calls of a connection", number(connection.streams)),
      ("calls of a connection without a certificate", number(connection.strangerStreams)),
      ("calls without a certificate", number(options.maximumStrangerCalls)),
      ("calls", number(options.maximumCalls)),
      ("bytes of requests that no method has taken", bytes(connection.heldBytes)),
      ("bytes of answers that are not read", bytes(connection.unreadBytes)),
      ("bytes of both, of callers without a certificate", bytes(options.maximumHeldBytes)),
      ("PING, SETTINGS, PRIORITY, WINDOW_UPDATE, CONTINUATION, empty and unknown frames", number(frames.control.most)),
      ("streams that are cancelled, or reset for a fault", number(frames.resets.most)),
      ("attestations of an address", number(AttestationRoom.mostOfAddress)),
      ("attestations", number(AttestationRoom.most)),
      ("bytes of their first messages", bytes(AttestationRoom.mostBytes)),
      ("silence before the first message", "\(AttestationPatience.limit.components.seconds) s"),
      ("silence after a challenge", "\(JoinTokenAttestor().answerTime.components.seconds) s"),
      ("an attestation", "\(AttestationPatience.most.components.seconds / 60) min"),
      ("challenges of an attestation", number(AttestationDialogue.maximumChallenges)),
      ("the name of a node attestor", "\(Spire_Api_Server_Agent_V1_AttestAgentRequest.longestType) bytes"),
      ("what is said about a proof", number(Spire_Api_Server_Agent_V1_AttestAgentRequest.longestError) + " characters"),
      ("a message of a node attestor", bytes(MessageMembers.maximumSize)),
      ("an SSH certificate", bytes(SSHCertificate.maximumSize)),
      ("connections to an HTTP listener", number(HTTPListener.maximumConnections)),
      ("a request, and the time after it", "\(HTTPAnswerHandler.patience.nanoseconds / 1_000_000_000) s"),
    ]
  }()

  @Test func everyNumberIsThatOfTheProgram() {
    for bound in Self.bounds {
      let rows = Self.page.filter { $0.first == bound.what }
      #expect(rows.count == 1, "no row, or several: \(bound.what)")
      #expect(rows.first?.dropFirst(2).first == bound.number, "\(bound.what)")
    }
  }

  @Test func everyRowHasItsConstant() {
    let known = Set(Self.bounds.map(\.what)).union([
      "AttestAgent calls", "signatures of a proof", "processors for proofs",
    ])
    for row in Self.page where row.first != "what" {
      #expect(row.count == 6, "\(row)")
      #expect(known.contains(row.first ?? ""), "\(row)")
    }
  }
}
