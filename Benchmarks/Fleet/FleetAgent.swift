import Foundation
import NIOCore
import SPIREProtos
import SwiftProtobuf

/// One simulated agent: it attests with its join token, then keeps itself in step with the server as a real one does, by
/// syncs at intervals with jitter or by a stream, and has a new X.509-SVID signed for each change that it sees.
final class FleetAgent {
  private static let service = "/spire.api.server."

  let index: Int
  private unowned let fleet: Fleet
  private var chain: [[UInt8]] = []
  private var connection: GRPCConnection?
  private var isConnecting = false
  private var failures = 0
  /// The newest change that it has seen.
  private var newest = 0
  /// Whether it has had an answer since the fleet last asked for that.
  private(set) var isCurrent = false

  init(index: Int, fleet: Fleet) {
    self.index = index
    self.fleet = fleet
  }

  var token: String { "fleet-\(index + 1)" }
  var path: String { "/spire/agent/join_token/\(token)" }

  func mustAnswerAnew() { isCurrent = false }

  // MARK: Attestation

  func attest(_ done: @escaping (String?) -> Void) {
    var request = Spire_Api_Server_Agent_V1_AttestAgentRequest()
    request.params.data.type = "join_token"
    request.params.data.payload = Data(token.utf8)
    request.params.params.csr = Data(fleet.dialer.credentials.request)
    guard let body: [UInt8] = try? request.serializedBytes() else { return done("cannot encode") }
    fleet.dialer.connect(agent: index, chain: [], onClose: {}) { [self] connection in
      guard let connection else { return done("cannot connect") }
      connection.call(Self.service + "agent.v1.Agent/AttestAgent", body) { [self] message in
        let answer = try? Spire_Api_Server_Agent_V1_AttestAgentResponse(
          serializedBytes: Array(message.readableBytesView))
        chain = answer?.result.svid.certChain.map { [UInt8]($0) } ?? []
      } onEnd: { [self] status, text in
        connection.close()
        done(chain.isEmpty ? "\(status) \(text)" : nil)
      }
    }
  }

  // MARK: Keeping in step

  /// Begins to work after a random part of `spread` seconds.
  func begin(spread: Double) { later(.random(in: 0...max(0.001, spread))) { $0.step() } }

  private func step() {
    guard let connection, connection.isOpen, !connection.isLeaving else { return connect() }
    if fleet.options.watches { watch(connection) } else { sync(connection) }
  }

  private func connect() {
    guard !isConnecting else { return }
    isConnecting = true
    fleet.connecting += 1
    fleet.dialer.connect(agent: index, chain: chain) { [self] in
      if connection?.isOpen == false { connection = nil }
    } ready: { [self] connection in
      isConnecting = false
      fleet.connecting -= 1
      self.connection = connection
      if connection == nil { failed("cannot connect") } else { step() }
    }
  }

  private func sync(_ connection: GRPCConnection) {
    connection.call(Self.service + "entry.v1.Entry/SyncAuthorizedEntries", fleet.syncRequest) { [self] message in
      see(message)
    } onEnd: { [self] status, text in
      guard status == 0 else { return failed("\(status) \(text)") }
      failures = 0
      later(fleet.options.interval * .random(in: 0.9...1.1)) { $0.step() }
    }
  }

  /// A stream on which the server says what changes. It is opened again when it ends, and what is missed comes at once.
  private func watch(_ connection: GRPCConnection) {
    var stream: UInt32 = 0
    stream = connection.call(WatchWords.method, WatchWords.begin, isLast: false) { [self] message in
      failures = 0
      if let answer = WatchWords.answer(to: message) { connection.send(answer, on: stream) }
      see(message)
    } onEnd: { [self] status, text in
      // Also when all is well: a stream ends with its connection, which has a maximum age.
      if status == 12 { Fleet.endWithoutStream(text) }
      if status == 0 { later(.random(in: 0...0.1)) { $0.step() } } else { failed("\(status) \(text)") }
    }
  }

  private func failed(_ reason: String) {
    fleet.failed(reason)
    failures += 1
    // As the agent: half as long again after each failure, and a tenth to and fro; a stream begins with a second.
    let first = fleet.options.watches ? Double.random(in: 0.1...1) : fleet.options.interval
    later(min(first * pow(1.5, Double(failures - 1)), 30) * .random(in: 0.9...1.1)) { $0.step() }
  }

  private func see(_ message: ByteBuffer) {
    if !isCurrent {
      isCurrent = true
      fleet.answered()
    }
    let seen = ChangeMark.newest(in: message)
    guard seen > newest else { return }
    newest = seen
    fleet.arrived(seen)
    sign()
  }

  private func sign() {
    guard let connection, connection.isOpen, !connection.isLeaving, let body = fleet.signRequest(agent: index) else {
      return
    }
    connection.call(Self.service + "svid.v1.SVID/BatchNewX509SVID", body) { _ in
    } onEnd: { [self] status, text in
      if status == 0 { fleet.signed += 1 } else { fleet.failed("sign: \(status) \(text)") }
    }
  }

  private func later(_ seconds: Double, _ body: @escaping (FleetAgent) -> Void) {
    let bound = NIOLoopBound((self, body), eventLoop: fleet.loop)
    fleet.loop.scheduleTask(in: .nanoseconds(Int64(seconds * 1e9))) { bound.value.1(bound.value.0) }
  }
}
