import Daemon
import Foundation
import Glibc
import Testing

@testable import RPC

@Suite struct ListeningSocketTests {
  @Test func modesHoldWhateverTheUmask() throws {
    let folder = try SocketFolder()
    let path = folder.path + "/made/here/api.sock"
    let socket = try ListeningSocket.unix(path: path, mode: 0o777, directoryMode: 0o750)
    #expect(socket.address == .unix(path: path))
    #expect(socket.address.network == "unix")
    let (file, made) = (try FileStatus(path), try FileStatus(folder.path + "/made"))
    #expect(file.permissions == 0o777 && made.permissions & 0o027 == 0)
  }

  @Test func aSecondServerIsRefusedByName() throws {
    let folder = try SocketFolder()
    let first = try folder.listen()
    let error = #expect(throws: EndpointError.self) { try folder.listen() }
    #expect(error?.code == .inUse)
    #expect(
      error?.message
        == "another server (pid \(getpid())) already listens on \(folder.socket); stop it or change socket_path")
    #expect(FileManager.default.fileExists(atPath: folder.socket))
    withExtendedLifetime(first) {}
  }

  @Test func aStaleSocketIsReplaced() throws {
    let folder = try SocketFolder()
    // What a killed server leaves behind: a socket file that nobody listens on.
    let stale = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = [UInt8](repeating: 0, count: 110)
    address[0] = UInt8(AF_UNIX)
    address.replaceSubrange(2..<(2 + folder.socket.utf8.count), with: Array(folder.socket.utf8))
    let bound = address.withUnsafeBytes {
      Glibc.bind(stale, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), 110)
    }
    #expect(bound == 0)
    close(stale)
    #expect(throws: Never.self) { try folder.listen() }
  }

  @Test func otherFilesAreLeftAlone() throws {
    let folder = try SocketFolder()
    try "precious".write(toFile: folder.socket, atomically: true, encoding: .utf8)
    let error = #expect(throws: EndpointError.self) { try folder.listen() }
    #expect(error?.code == .badAddress)
    #expect(try String(contentsOfFile: folder.socket, encoding: .utf8) == "precious")
  }

  @Test func badPathsAreNamed() throws {
    let long = "/tmp/" + String(repeating: "x", count: 120)
    #expect(throws: EndpointError(code: .badAddress, message: "")) {
      try ListeningSocket.unix(path: long, mode: 0o770, directoryMode: 0o750)
    }
    let error = #expect(throws: EndpointError.self) {
      try ListeningSocket.unix(path: "/proc/nope/api.sock", mode: 0o770, directoryMode: 0o750)
    }
    #expect(error?.message.contains("/proc/nope") == true)
  }

  @Test func aServerThatStartsMeanwhileIsNotDisturbed() throws {
    let folder = try SocketFolder()
    let lock = open(folder.path, O_RDONLY | O_DIRECTORY)
    #expect(flock(lock, LOCK_EX) == 0)
    let error = #expect(throws: EndpointError.self) { try folder.listen() }
    #expect(error?.code == .inUse)
    close(lock)
    #expect(throws: Never.self) { try folder.listen() }
  }

  @Test func closingRemovesOnlyItsOwnFile() throws {
    let folder = try SocketFolder()
    var first: ListeningSocket? = try folder.listen()
    #expect(first != nil)
    unlink(folder.socket)
    let second = try folder.listen()
    first = nil
    #expect(FileManager.default.fileExists(atPath: folder.socket))
    withExtendedLifetime(second) {}
  }

  @Test func portZeroTakesAFreePort() throws {
    for host in ["127.0.0.1", "localhost"] {
      let socket = try ListeningSocket.tcp(host: host, port: 0)
      #expect((socket.port ?? 0) > 0)
    }
    let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
    #expect(socket.address.description == "127.0.0.1:\(socket.port ?? 0)")
    let error = #expect(throws: EndpointError.self) {
      try ListeningSocket.tcp(host: "127.0.0.1", port: socket.port ?? 0)
    }
    #expect(error?.code == .inUse)
    #expect(
      error?.message.hasPrefix("listen tcp 127.0.0.1:\(socket.port ?? 0): bind: address already in use") == true)
    withExtendedLifetime(socket) {}
    #expect(throws: EndpointError.self) { try ListeningSocket.tcp(host: "no such host", port: 1) }
  }

  @Test func addressesHaveGosForm() {
    #expect(PeerAddress(ip: "127.0.0.1", port: 8081).description == "127.0.0.1:8081")
    #expect(PeerAddress(ip: "2001:db8::1", port: 8081).description == "[2001:db8::1]:8081")
  }
}
