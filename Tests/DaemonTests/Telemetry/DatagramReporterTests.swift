import DaemonTesting
import Foundation
import ServiceLifecycle
import Testing

@testable import Daemon

/// What leaves over UDP, when the receiver is there, when it is not, and when the daemon ends.
@Suite struct DatagramReporterTests {
  private let time = TestTime()
  private let log = LogCapture()

  private func reporter(_ queue: LineQueue, _ address: DatagramAddress) -> DatagramReporter {
    DatagramReporter("statsd", to: address, from: queue, every: .milliseconds(100), time: time, logger: log.logger)
  }

  @Test(.timeLimit(.minutes(3))) func linesAreCollectedAndSent() async throws {
    let receiver = try UDPReceiver()
    let queue = LineQueue(packetSize: 1400)
    let reporter = reporter(queue, .udp(host: "127.0.0.1", port: receiver.port))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await reporter.run() }
      queue.add("a:1|c\n")
      await time.waitForSleepers()
      queue.add("b:1|c\n")
      time.advance(by: .milliseconds(100))
      let text = try receiver.nextText()
      #expect(text == "a:1|c\nb:1|c\n")
      group.cancelAll()
      while await group.nextResult() != nil {}
    }
    #expect(log.lines == [])
  }

  @Test(.timeLimit(.minutes(3))) func whatIsLeftIsSentAtTheEnd() async throws {
    let receiver = try UDPReceiver()
    let queue = LineQueue(packetSize: 1400)
    let reporter = reporter(queue, .udp(host: "127.0.0.1", port: receiver.port))
    queue.add("a:1|c\n")
    #expect(await reporter.flush())
    #expect(try receiver.nextText() == "a:1|c\n")
    let group = ServiceGroup(
      configuration: .init(services: [.init(service: reporter)], logger: log.logger))
    async let running: Void = group.run()
    queue.add("last:1|c\n")
    await time.waitForSleepers()
    await group.triggerGracefulShutdown()
    try await running
    #expect(receiver.pending() == ["last:1|c\n"])
  }

  @Test(.timeLimit(.minutes(3))) func aReceiverThatComesLateGetsWhatWaited() async throws {
    let port = try UDPReceiver().port
    let queue = LineQueue(packetSize: 1400)
    let reporter = reporter(queue, .udp(host: "127.0.0.1", port: port))
    // Nobody listens: the first packet leaves, and the answer to it comes with the next one.
    for _ in 0..<3 {
      queue.add("lost:1|c\n")
      #expect(await reporter.flush())
    }
    #expect(log.all("Metrics cannot be sent; trying again").count == 1)
    #expect(log.records.first?.fields["error"] == "connection refused")
    let receiver = try UDPReceiver(port: port)
    queue.add("a:1|c\n")
    #expect(await reporter.flush())
    #expect(try receiver.nextText() == "a:1|c\n")
    queue.add("b:1|c\n")
    #expect(await reporter.flush())
    #expect(try receiver.nextText() == "b:1|c\n")
    #expect(log.lines.last?.hasPrefix("Metrics are sent again") == true)
  }

  @Test(.timeLimit(.minutes(3))) func aNameThatIsNotKnownIsTriedAgain() async throws {
    let queue = LineQueue(packetSize: 1400)
    let reporter = reporter(queue, .udp(host: "receiver.invalid", port: 1))
    await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await reporter.run() }
      queue.add("a:1|c\n")
      for _ in 0..<3 {
        await time.waitForSleepers()
        time.advance(by: .seconds(5))
      }
      await time.waitForSleepers()
      group.cancelAll()
      while await group.nextResult() != nil {}
    }
    #expect(log.all("Metrics cannot be sent; trying again").count == 1)
    // It still waits, for a receiver that is found later.
    #expect(queue.takePackets().count == 1)
  }

  @Test(.timeLimit(.minutes(3))) func datagramsOfASocketFile() async throws {
    let folder = try TestFolder()
    let path = folder.file("d")
    let queue = LineQueue(packetSize: 1432)
    let reporter = reporter(queue, .unix(path: path))
    queue.add("a:1|c\n")
    #expect(await reporter.flush() == false)
    #expect(log.records.first?.fields["error"] == "no such file or directory")
    let program = """
      import socket, sys
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
      """
    #expect(try Python.run(program, arguments: [path]).status == 0)
    #expect(await reporter.flush() == false)
    #expect(log.all("Metrics cannot be sent; trying again").count == 1)
  }

  @Test func dropsAreSaidOnceAMinute() async throws {
    let receiver = try UDPReceiver()
    let queue = LineQueue(capacity: 1, packetSize: 1400)
    let reporter = reporter(queue, .udp(host: "127.0.0.1", port: receiver.port))
    for _ in 0..<2 {
      queue.add("a:1|c\n")
      queue.add("b:1|c\n")
      #expect(await reporter.flush())
    }
    #expect(log.lines == ["Metrics were dropped: more came than can be sent count=1 sink=statsd"])
    time.advance(by: .seconds(60))
    queue.add("a:1|c\n")
    #expect(await reporter.flush())
    #expect(log.lines.count == 2)
  }

  @Test(arguments: [
    ("localhost:8125", "localhost:8125"), (":8125", "localhost:8125"), ("[::1]:1", "[::1]:1"), ("h:http", "h:80"),
  ])
  func addresses(_ text: String, _ expected: String) throws {
    #expect(try DatagramAddress(text).description == expected)
  }

  @Test(arguments: ["", "localhost", "localhost:", "localhost:0", "localhost:99999", "unix:///run/x", "a b:1"])
  func noAddresses(_ text: String) {
    #expect(throws: ListenAddress.Fault.self) { try DatagramAddress(text) }
  }

  @Test func socketFiles() throws {
    #expect(try DatagramAddress("unix:///run/x", allowsUnix: true) == .unix(path: "/run/x"))
    #expect(throws: ListenAddress.Fault.self) { try DatagramAddress("unix://run/x", allowsUnix: true) }
    let long = "unix:///" + String(repeating: "x", count: 200)
    #expect(throws: ListenAddress.Fault.self) { try DatagramAddress(long, allowsUnix: true) }
  }
}
