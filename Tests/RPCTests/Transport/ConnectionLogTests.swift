import Logging
import NIOCore
import Testing

@testable import RPC

/// How much of what goes wrong with connections gets into the log.
@Suite struct ConnectionLogTests {
  private let log = TestLog()
  private let peer = PeerConnection(id: 7, caller: .anonymous(PeerAddress(ip: "10.0.0.1", port: 4711)))

  private func at(_ milliseconds: Int64) -> NIODeadline {
    .uptimeNanoseconds(UInt64(100_000 + milliseconds) * 1_000_000)
  }

  @Test func connectionsThatAreTooManyLeaveOneRecordASecond() {
    let connections = ConnectionLog(log.logger)
    // A thousand within two and a half seconds.
    for number in 0..<1000 { connections.crowded("too many connections", peer, now: at(Int64(number) * 5 / 2)) }
    #expect(log.all.map(\.level) == [.warning, .warning, .warning])
    #expect(log.all.map { $0.fields["suppressed"] } == [nil, "399", "399"])
    #expect(log.messages[0] == "Connection closed" && log.all[0].fields["reason"] == "too many connections")
    #expect(log.all[0].fields["caller_addr"] == "10.0.0.1:4711")
  }

  @Test func theyLeaveRoomForOtherRecords() {
    let connections = ConnectionLog(log.logger)
    for _ in 0..<100 { connections.crowded("too many connections", peer, now: at(0)) }
    for number in 0..<30 { connections.note("fault \(number)", peer, level: .warning, now: at(1)) }
    #expect(log.all.count == 21)
    connections.note("later", peer, level: .error, now: at(10_001))
    #expect(log.all.last?.fields["suppressed"] == "10")
    #expect(log.all.last?.level == .error)
  }
}
