import Daemon
import DaemonTesting
import Dispatch
import Foundation
import GRPCCore
import Keys
import RPC
import SPIFFE
import SPIREProtos
import ServerPlugins
import SwiftProtobuf
import Synchronization
import Testing

@testable import Server

private typealias Agent = Spire_Api_Server_Agent_V1_Agent
private typealias Request = Spire_Api_Server_Agent_V1_AttestAgentRequest

/// How many attestations there may be, what they may keep, and that those who come with an honest proof get through.
@Suite struct AttestationRoomTests {
  private let counts = CallCounts()
  private func room() -> AttestationRoom { AttestationRoom(metrics: Metrics(sinks: [counts]), time: TestTime()) }

  private func refusal(_ room: AttestationRoom, _ network: String, _ bytes: Int) -> AttestationRoom.Refusal? {
    do {
      _ = try room.enter(network, bytes: bytes)
      return nil
    } catch { return error }
  }

  /// A place of somebody whose proof is being checked.
  private func work(_ room: AttestationRoom, _ network: String, _ bytes: Int = 10) throws -> AttestationRoom.Place {
    let place = try room.enter(network, bytes: bytes)
    place.waits(false)
    return place
  }

  @Test func anAddressHasItsPlacesAndAllTogetherHaveTheirs() async throws {
    let room = room()
    let refused = try await counts.during("node.attestation") {
      let places = try (0..<AttestationRoom.mostOfAddress).map { _ in try work(room, "192.0.2.1") }
      #expect(refusal(room, "192.0.2.1", 10) == .address)
      var others: [AttestationRoom.Place] = []
      for other in 2...4 {
        for _ in 0..<AttestationRoom.mostOfAddress { others.append(try work(room, "192.0.2.\(other)")) }
      }
      #expect(room.count == AttestationRoom.most)
      #expect(refusal(room, "192.0.2.9", 10) == .server)
      places[0].leave()
      places[0].leave()
      #expect(refusal(room, "192.0.2.9", 10) == nil)
      for place in places.dropFirst() { place.leave() }
      #expect(refusal(room, "192.0.2.1", 10) == nil)
      for place in others { place.leave() }
      #expect(room.count == 2)
    }
    #expect(refused == ["node.attestation.refuse": 2])
  }

  @Test func anAddressMayKeepAsMuchAsIsFree() {
    let room = room()
    let large = 4 << 20
    func taken(_ network: String) -> Int { (0..<20).count { _ in (try? work(room, network, large)) != nil } }
    #expect(taken("192.0.2.1") == 8)
    #expect(refusal(room, "192.0.2.1", large) == .bytes)
    #expect(taken("192.0.2.2") == 4)
    // The next one still finds room.
    #expect(refusal(room, "192.0.2.3", 5_000) == nil)
  }

  /// A thousand addresses hold their calls, and do not answer.
  @Test func aCrowdThatWaitsKeepsNobodyOut() async throws {
    let room = room()
    let ended = Mutex<[Int]>([])
    func enter(_ number: Int, _ network: String) throws -> AttestationRoom.Place {
      try room.enter(network, bytes: 10) { _ in ended.withLock { $0.append(number) } }
    }
    var crowd: [AttestationRoom.Place] = []
    for number in 0..<AttestationRoom.most {
      crowd.append(try enter(number, "10.\(number / 250).\(number % 250).1"))
      // The first ten have work to do.
      crowd[number].waits(number >= 10)
    }
    #expect(refusal(room, "192.0.2.1", 10) == nil && room.count == AttestationRoom.most)
    #expect(ended.withLock { $0 } == [10])
    // Whose turn comes in the moment in which it is sent away must not begin.
    #expect(!crowd[10].waits(false) && crowd[11].waits(false))
    crowd[10].leave()
    // Who has two is not to push out who has one.
    #expect(refusal(room, "192.0.2.1", 10) == .server)
    #expect(refusal(room, "192.0.2.2", 10) == nil)
    #expect(ended.withLock { $0 } == [10, 12])
  }

  /// Four addresses are enough for all places, where the rate limit makes theirs wait for minutes.
  @Test func aCrowdInTheLineOfTheRateLimitKeepsNobodyOut() throws {
    let room = room()
    let ended = Mutex<[Int]>([])
    for number in 0..<AttestationRoom.most {
      _ = try room.enter("10.0.0.\(number % 4)", bytes: 10) { _ in ended.withLock { $0.append(number) } }
    }
    // The order of an address's own line is kept.
    #expect(refusal(room, "10.0.0.1", 10) == .address)
    for other in 0..<5 { #expect(refusal(room, "192.0.2.\(other)", 10) == nil) }
    let last = ended.withLock { $0 }
    #expect(last.count == 5 && last.allSatisfy { $0 >= AttestationRoom.most - 8 })
    #expect(Set(last.prefix(4).map { $0 % 4 }).count == 4)
  }

  @Test func anAddressThatWaitsTakesPlacesFromItself() throws {
    let room = room()
    let ended = Mutex<[Int]>([])
    for number in 0..<AttestationRoom.mostOfAddress {
      let place = try room.enter("10.0.0.1", bytes: 10) { _ in ended.withLock { $0.append(number) } }
      place.waits(true)
    }
    let other = try room.enter("10.0.0.2", bytes: 10) { _ in ended.withLock { $0.append(-1) } }
    other.waits(true)
    for _ in 0..<3 { #expect(refusal(room, "10.0.0.1", 10) == nil) }
    #expect(ended.withLock { $0 } == [0, 1, 2])
  }

  @Test func bytesOfThoseWhoWaitAreGivenToOthers() throws {
    let room = room()
    let ended = Mutex<[Int]>([])
    for number in 0..<128 {
      let place = try room.enter("10.0.0.\(number)", bytes: 512 << 10) { _ in ended.withLock { $0.append(number) } }
      place.waits(true)
    }
    #expect(refusal(room, "192.0.2.1", 5_000) == nil)
    #expect(ended.withLock { $0 } == [0])
    // More than anybody has.
    #expect(refusal(room, "192.0.2.2", 4 << 20) == .bytes)
  }

  @Test func refusalsDoNotFillTheLog() {
    let time = TestTime()
    let room = AttestationRoom(time: time)
    let first = (0..<50).map { _ in room.admitToLog() }
    #expect(first == [0] + Array(repeating: nil, count: 49))
    time.advance(by: AttestationRoom.silence)
    #expect(room.admitToLog() == 49 && room.admitToLog() == nil)
  }

  private final class Running: Sendable {
    private let state = Mutex((now: 0, most: 0))
    var most: Int { state.withLock { $0.most } }
    func began() {
      state.withLock {
        $0.now += 1
        $0.most = max($0.most, $0.now)
      }
    }
    func ended() { state.withLock { $0.now -= 1 } }
  }

  /// The proofs of those who have proved nothing are checked one beside the other on so many queues, and no other work
  /// waits there.
  @Test func proofsHaveQueuesOfTheirOwn() async throws {
    let lane = BackgroundLane("test", width: 2)
    let running = Running()
    try await BackgroundWork.$pass.withValue(lane.pass(bytes: 10)) {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<50 {
          group.addTask {
            try await BackgroundWork.run {
              running.began()
              running.ended()
            }
          }
        }
        try await group.waitForAll()
      }
    }
    #expect(running.most <= 2)
  }

  /// Who has left has nothing computed for it any more: callers who come and go do not make a line.
  @Test(.timeLimit(.minutes(3))) func proofsOfWhoHasLeftAreNotChecked() async throws {
    let lane = BackgroundLane("test", width: 1)
    let first = Running()
    let late = Running()
    let hold = DispatchSemaphore(value: 0)
    let busy = Task {
      try await BackgroundWork.$pass.withValue(lane.pass(bytes: 10)) {
        try await BackgroundWork.run {
          first.began()
          hold.wait()
        }
      }
    }
    while first.most == 0 { await Task.yield() }
    let left = Task {
      try await BackgroundWork.$pass.withValue(lane.pass(bytes: 10)) { try await BackgroundWork.run { late.began() } }
    }
    // It has gone while the line stands still.
    left.cancel()
    await #expect(throws: CancellationError.self) { try await left.value }
    #expect(lane.waitingCount == 0)
    hold.signal()
    try await busy.value
    #expect(late.most == 0)
  }

  // MARK: The method

  private struct Slow: NodeAttestor {
    let name = "slow"
    struct Node: VerifiedNode {
      let agentID: SPIFFEID
      let canReattest = true
    }
    func attest(_ payload: [UInt8], with agent: any NodeChallenger) async throws -> any VerifiedNode {
      if payload == Array("honest".utf8) { return Node(agentID: TestServer.id("/spire/agent/slow/honest")) }
      _ = try await agent.respond(to: [1])
      throw ServerPluginError(.permissionDenied, "slow: no")
    }
  }

  private static func request(_ payload: String, csr: Data) -> Request {
    .with {
      $0.params.data.type = "slow"
      $0.params.data.payload = Data(payload.utf8)
      $0.params.params.csr = csr
    }
  }

  /// Three hundred callers of one address hold their attestations open. Some find no place; they are told at once, the
  /// log says it once, and an agent of another address attests as if they were not there.
  @Test(.timeLimit(.minutes(4))) func callersOfOneAddressKeepNobodyElseOut() async throws {
    var options = TestServer.Options()
    options.nodeAttestors = [Slow()]
    options.metrics = Metrics(sinks: [counts])
    try await TestServer.with(options) { server in
      let csr = try TestKey().csr()
      // Every place of this address but three is taken.
      let taken = try (0..<AttestationRoom.mostOfAddress - 3).map { _ in
        try server.parts.attestations.enter("127.0.0.1", bytes: 10)
      }
      try await server.remote { client in
        try await withThrowingTaskGroup(of: String.self) { group in
          for _ in 0..<20 {
            group.addTask {
              do {
                try await Agent.Client(wrapping: client).attestAgent { writer in
                  try await writer.write(Self.request("stranger", csr: csr))
                  // Open for as long as the server wants it.
                  try await Task.sleep(for: .seconds(3600))
                } onResponse: { response in
                  for try await message in response.messages { _ = message }
                }
                return "ended"
              } catch let error as RPCError {
                return "\(error.code): \(error.message)"
              }
            }
          }
          // Those who find no place hear of it although the others go on.
          for _ in 0..<17 {
            let said = try await group.next()
            #expect(said == "resourceExhausted: too many attestations at the same time from this address")
          }
          #expect(server.parts.attestations.count == AttestationRoom.mostOfAddress)
          // Somebody else; on the admin socket there are no places.
          let result = try await server.local { try await TestServer.attest($0, Self.request("honest", csr: csr)) }
          #expect(result.result.svid.id.path == "/spire/agent/slow/honest")
          let other = try server.parts.attestations.enter("192.0.2.7", bytes: 10)
          other.leave()
          // One goes, and the next one comes in.
          taken[0].leave()
          let again = try await TestServer.attest(client, Self.request("honest", csr: csr))
          #expect(again.result.svid.id.path == "/spire/agent/slow/honest")
          group.cancelAll()
          while let result = await group.nextResult() { _ = result }
        }
      }
      #expect(server.log.all("Attestation refused").count == 1)
      #expect(
        server.log.first("Attestation refused")?.fields["reason"]
          == "too many attestations at the same time from this address")
      for place in taken.dropFirst() { place.leave() }
      while server.parts.attestations.count > 0 { await Task.yield() }
    }
  }
}
