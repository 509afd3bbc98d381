import Foundation
import NIOCore
import SPIREProtos
import SwiftProtobuf

/// All agents of a run, what they share, and what is counted. Lives on one event loop; each command answers one line of
/// JSON.
final class Fleet {
  let loop: any EventLoop
  let options: FleetOptions
  let dialer: Dialer
  let syncRequest: [UInt8]
  var connecting = 0
  var signed = 0
  private var agents: [FleetAgent] = []
  private var admin: GRPCConnection?
  private var failures: [String: Int] = [:]
  /// When each change was sent, in nanoseconds, by its number.
  private var sent: [Int] = [0]
  private var latencies: [Double] = []
  /// When agents answered since the last command that asked for it, in nanoseconds.
  private var answers: [Int] = []
  private var reply: ((String) -> Void)?

  init(loop: any EventLoop, options: FleetOptions) throws {
    self.loop = loop
    self.options = options
    dialer = Dialer(loop: loop, port: options.port, credentials: try Credentials())
    var request = Spire_Api_Server_Entry_V1_SyncAuthorizedEntriesRequest()
    request.outputMask.spiffeID = true
    request.outputMask.selectors = true
    request.outputMask.federatesWith = true
    request.outputMask.admin = true
    request.outputMask.downstream = true
    request.outputMask.revisionNumber = true
    request.outputMask.storeSvid = true
    request.outputMask.hint = true
    request.outputMask.additionalAttributes = true
    request.outputMask.createdAt = true
    syncRequest = try request.serializedBytes()
    agents = (0..<options.agents).map { FleetAgent(index: $0, fleet: self) }
  }

  static var now: Int { Int(clock_gettime_nsec(CLOCK_MONOTONIC)) }

  /// Ends the run: the server does not offer what was to be measured.
  static func endWithoutStream(_ text: String) -> Never {
    FileHandle.standardError.write(Data("the server has no watch stream: \(text)\n".utf8))
    exit(3)
  }

  // MARK: What agents tell

  func failed(_ reason: String) { failures[String(reason.prefix(120)), default: 0] += 1 }

  func answered() {
    answers.append(Self.now)
    if answers.count == agents.count, let reply {
      self.reply = nil
      reply(answersReport())
    }
  }

  func arrived(_ change: Int) {
    guard change < sent.count else { return }
    latencies.append(Double(Self.now - sent[change]) / 1e6)
  }

  func signRequest(agent: Int) -> [UInt8]? {
    var request = Spire_Api_Server_Svid_V1_BatchNewX509SVIDRequest()
    var one = Spire_Api_Server_Svid_V1_NewX509SVIDParams()
    one.entryID = "f\(agent)-0"
    one.csr = Data(dialer.credentials.request)
    request.params = [one]
    return try? request.serializedBytes()
  }

  // MARK: Commands

  /// Attests every agent, a few at a time.
  func attest(_ reply: @escaping (String) -> Void) {
    let began = Self.now
    var (next, done) = (0, 0)
    func one() {
      guard next < agents.count else { return }
      let agent = agents[next]
      next += 1
      agent.attest { [self] failure in
        if let failure { failed("attest: " + failure) }
        done += 1
        if done == agents.count {
          reply("{\"attested\": \(done), \"seconds\": \(Double(Self.now - began) / 1e9), \(failureText())}")
        } else {
          one()
        }
      }
    }
    for _ in 0..<min(32, agents.count) { one() }
  }

  /// Lets every agent work, and answers when each has had an answer.
  func begin(spread: Double, _ reply: @escaping (String) -> Void) {
    expectAnswers(reply)
    for agent in agents { agent.begin(spread: spread) }
  }

  /// Answers when each agent has had an answer from now on.
  func expectAnswers(_ reply: @escaping (String) -> Void) {
    failures = [:]
    answers = []
    for agent in agents { agent.mustAnswerAnew() }
    self.reply = reply
  }

  private func answersReport() -> String {
    func at(_ part: Double) -> Int { answers[min(answers.count - 1, Int(Double(answers.count) * part))] }
    return "{\"agents\": \(agents.count), \"half_ns\": \(at(0.5)), \"most_ns\": \(at(0.99)), "
      + "\"all_ns\": \(answers.last ?? 0), \(failureText())}"
  }

  /// Changes an entry of one agent after the other, `rate` each second, and says how long the agents took to see it.
  func change(rate: Double, seconds: Double, patience: Double, _ reply: @escaping (String) -> Void) {
    latencies = []
    failures = [:]
    signed = 0
    let count = Int(rate * seconds)
    let first = sent.count
    withAdmin { [self] admin in
      let began = Self.now
      func one(_ number: Int) {
        guard number < count else {
          let bound = NIOLoopBound((self, reply), eventLoop: loop)
          loop.scheduleTask(in: .nanoseconds(Int64(patience * 1e9))) {
            let (fleet, reply) = bound.value
            reply(fleet.changeReport(count))
          }
          return
        }
        // Far apart, so that each change finds another agent.
        update(admin, agent: (first + number) * 7919 % agents.count)
        let next = began + Int(Double(number + 1) / rate * 1e9)
        let bound = NIOLoopBound(one, eventLoop: loop)
        loop.scheduleTask(in: .nanoseconds(Int64(max(0, next - Self.now)))) { bound.value(number + 1) }
      }
      one(0)
    }
  }

  private func update(_ admin: GRPCConnection, agent: Int) {
    var entry = Spire_Api_Types_Entry()
    entry.id = "f\(agent)-0"
    entry.hint = ChangeMark.text(sent.count)
    var request = Spire_Api_Server_Entry_V1_BatchUpdateEntryRequest()
    request.entries = [entry]
    request.inputMask.hint = true
    request.outputMask = Spire_Api_Types_EntryMask()
    guard let body: [UInt8] = try? request.serializedBytes() else { return }
    sent.append(Self.now)
    admin.call("/spire.api.server.entry.v1.Entry/BatchUpdateEntry", body) { [self] message in
      let answer = try? Spire_Api_Server_Entry_V1_BatchUpdateEntryResponse(
        serializedBytes: Array(message.readableBytesView))
      if let status = answer?.results.first?.status, status.code != 0 { failed("change: \(status.message)") }
    } onEnd: { [self] status, text in
      if status != 0 { failed("change: \(status) \(text)") }
    }
  }

  private func withAdmin(_ body: @escaping (GRPCConnection) -> Void) {
    if let admin, admin.isOpen, !admin.isLeaving { return body(admin) }
    dialer.connect(socket: options.adminSocket, onClose: {}) { [self] connection in
      guard let connection else {
        FileHandle.standardError.write(Data("spire-fleet: nobody answers at \(options.adminSocket)\n".utf8))
        exit(1)
      }
      admin = connection
      body(connection)
    }
  }

  private func changeReport(_ count: Int) -> String {
    let sorted = latencies.sorted()
    func at(_ part: Double) -> Double {
      sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
    }
    return "{\"changes\": \(count), \"arrived\": \(sorted.count), \"signed\": \(signed), \"p50_ms\": \(at(0.5)), "
      + "\"p99_ms\": \(at(0.99)), \"most_ms\": \(sorted.last ?? 0), \(failureText())}"
  }

  private func failureText() -> String {
    let all = failures.values.reduce(0, +)
    let worst = failures.max { $0.value < $1.value }?.key.filter { $0 != "\"" && $0 != "\\" } ?? ""
    return "\"failures\": \(all), \"failure\": \"\(worst)\""
  }
}

private func clock_gettime_nsec(_ clock: clockid_t) -> UInt64 {
  var time = timespec()
  clock_gettime(clock, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
