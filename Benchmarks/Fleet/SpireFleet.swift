import Foundation
import NIOCore
import NIOPosix

/// Thousands of simulated agents against one server: real mTLS connections, each from an address of its own.
///
///     spire-fleet -port 8081 -admin /run/api.sock -agents 10000 -entries 10 [-interval 5] [-mode watch]
///
/// Reads commands from standard input, a line each, and answers each with a line of JSON: `attest`, `begin SPREAD`,
/// `change RATE SECONDS PATIENCE`, `answers` (every agent has had an answer from now on), `end`.
@main struct SpireFleet {
  static func main() throws {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let options = FleetOptions(CommandLine.arguments.dropFirst())
    let fleet = try loop.submit { NIOLoopBound(try Fleet(loop: loop, options: options), eventLoop: loop) }.wait()
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      guard let command = words.first, command != "end" else { break }
      let numbers = words.dropFirst().compactMap { Double($0) }
      let promise = loop.makePromise(of: String.self)
      loop.execute {
        let fleet = fleet.value
        let reply: (String) -> Void = { promise.succeed($0) }
        switch command {
        case "attest": fleet.attest(reply)
        case "begin": fleet.begin(spread: numbers.first ?? 0, reply)
        case "answers": fleet.expectAnswers(reply)
        case "change" where numbers.count == 3:
          fleet.change(rate: numbers[0], seconds: numbers[1], patience: numbers[2], reply)
        default: reply("{\"failure\": \"what is \(command)?\"}")
        }
      }
      let answer = try promise.futureResult.wait() + "\n"
      FileHandle.standardOutput.write(Data(answer.utf8))
    }
  }
}
