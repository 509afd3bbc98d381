import Foundation
import Glibc
import Testing

@testable import RPC

@Suite struct ProcessHandleTests {
  @Test func namesMayHoldAnything() {
    let text = "12 (a) b (c) R) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20"
    #expect(ProcessHandle.startTime(inStat: Array(text.utf8)[...]) == 4242)
    #expect(ProcessHandle.startTime(inStat: Array("12 (a) S 1".utf8)[...]) == nil)
    #expect(ProcessHandle.startTime(inStat: []) == nil)
    #expect(ProcessHandle.startTime(of: getpid()) != nil)
    #expect(ProcessHandle.startTime(of: -1) == nil)
  }

  @Test func aSocketpairTellsWhoMadeIt() throws {
    var ends: [Int32] = [0, 0]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    defer { ends.forEach { close($0) } }
    let handle = ProcessHandle(connectedTo: ends[0], pid: getpid())
    #expect(handle.isAlive)
    #expect(handle.descriptor >= 0)
  }

  @Test func withoutThePidfdOfTheSocketTheNumberAndTheStartTimeDo() throws {
    var child: pid_t = 0
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/sleep"), strdup("60"), nil]
    defer { for argument in arguments { free(argument) } }
    try #require(posix_spawn(&child, "/bin/sleep", nil, nil, &arguments, environ) == 0)
    let handle = ProcessHandle(connectedTo: -1, pid: child)
    #expect(handle.isAlive)
    // A child of a pool thread inherits its signal mask: only SIGKILL is sure to arrive.
    kill(child, SIGKILL)
    #expect(waitpid(child, nil, 0) == child)
    #expect(!handle.isAlive)
    #expect(!ProcessHandle(connectedTo: -1, pid: 0).isAlive)
  }
}
