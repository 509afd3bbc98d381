import Daemon
import DaemonTesting
import Foundation
import GRPCCore
import Mutations
import SPIFFE
import Synchronization
import Testing
import WorkloadClient

@testable import OIDCDiscovery

/// Where keys come from, and what is not taken (oidc-discovery-provider §4).
@Suite struct SourcesTests {
  /// Answers as it is told.
  private final class Script: KeySource {
    enum Step { case keys([JWTAuthority]), fails }
    private let steps: Mutex<[Step]>
    private let updates = AsyncStream.makeStream(of: [JWTAuthority].self)
    let asked = AsyncStream.makeStream(of: Void.self)
    init(_ steps: [Step]) { self.steps = Mutex(steps) }
    func tell(_ keys: [JWTAuthority]) { updates.continuation.yield(keys) }
    func keys() async throws -> [JWTAuthority] {
      defer { asked.continuation.yield() }
      switch steps.withLock({ $0.count > 1 ? $0.removeFirst() : $0[0] }) {
      case .keys(let keys): return keys
      case .fails: throw RPCError(code: .unavailable, message: "away")
      }
    }
    func watch(_ changed: @Sendable @escaping ([JWTAuthority]) -> Void) async throws {
      for await keys in updates.stream { changed(keys) }
    }
  }

  @Test func theLastKeysStayWhileASourceFails() async throws {
    let (time, log) = (TestTime(), LogCapture())
    let keys = PublishedKeys(setsKeyUse: false, time: time, logger: log.logger)
    let first = try authority("first")
    let source = Script([.fails, .keys([first]), .fails])
    let poller = KeyPoller(source: source, interval: .seconds(10), keys: keys, time: time, logger: log.logger)
    await withTaskGroup { group in
      group.addTask { try? await poller.run() }
      await time.waitForSleepers()
      #expect(keys.page == nil)
      #expect(log.lines == ["Failed to fetch the JWT keys error=rpc error: code = unavailable desc = away"])
      time.advance(by: .seconds(10))
      await time.waitForSleepers()
      #expect(keys.page?.count == 1)
      time.advance(by: .seconds(10))
      await time.waitForSleepers()
      #expect(keys.page?.count == 1 && log.lines.count == 2)
      #expect(keys.age == .seconds(10))
      group.cancelAll()
    }
  }

  @Test func changesAreTakenBetweenPolls() async throws {
    let (time, log) = (TestTime(), LogCapture())
    let keys = PublishedKeys(setsKeyUse: false, time: time, logger: log.logger)
    let (first, second) = (try authority("first"), try authority("second"))
    let source = Script([.keys([first])])
    let poller = KeyPoller(source: source, interval: .seconds(10), keys: keys, time: time, logger: log.logger)
    await withTaskGroup { group in
      group.addTask { try? await poller.run() }
      await time.waitForSleepers()
      source.tell([first, second])
      while keys.page?.count != 2 { await Task.yield() }
      group.cancelAll()
    }
  }

  static let goodKey = """
    {"kty":"EC","kid":"k","crv":"P-256","x":"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",\
    "y":"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}
    """

  @Test func keySetsThatAreNone() throws {
    #expect(try KeySetDocument.keys(Array("{\"keys\":[\(Self.goodKey)]}".utf8)).map(\.keyID) == ["k"])
    #expect(try KeySetDocument.keys(Array("{\"keys\":[]}".utf8)).isEmpty)
    let bad = [
      "", "[]", "null", "{}", "{\"keys\":{}}", "{\"keys\":[1]}", "{\"keys\":[{}]}", "{\"keys\":[\(Self.goodKey),{}]}",
      "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "{\"keys\":[\(Self.goodKey)],\"keys\":[]}",
      "{\"keys\":[\(Self.goodKey.replacingOccurrences(of: "P-256", with: "P-384"))]}",
      "{\"keys\":[\(Self.goodKey.replacingOccurrences(of: "axfR", with: "bxfR"))]}",
      "{\"keys\":[\(Self.goodKey.replacingOccurrences(of: "\"kid\"", with: "\"d\":\"AAAA\",\"kid\""))]}",
      String(repeating: "[", count: 10_000), "{\"keys\":[" + String(repeating: " ", count: 5 << 20) + "]}",
    ]
    for text in bad {
      #expect(throws: WorkloadClientError(.malformed, "")) { try KeySetDocument.keys(Array(text.utf8)) }
    }
    for mutation in Mutations(of: "{\"keys\":[\(Self.goodKey)]}", count: 2000) {
      _ = try? KeySetDocument.keys(mutation)
    }
  }

  @Test func bundleFiles() async throws {
    let folder = NSTemporaryDirectory() + "oidc-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let source = FileKeySource(path: folder + "/b.json")
    func read(_ text: String?) async -> Result<[String], OIDCError> {
      if let text { try? text.write(toFile: source.path, atomically: true, encoding: .utf8) }
      do { return .success(try await source.keys().map(\.keyID)) } catch {
        return .failure(error as? OIDCError ?? .init(.file, ""))
      }
    }
    let missing = await read(nil)
    #expect(missing == .failure(OIDCError(.source, "")))
    let jwt = Self.goodKey.replacingOccurrences(of: "{\"kty\"", with: "{\"use\":\"jwt-svid\",\"kty\"")
    let other = Self.goodKey.replacingOccurrences(of: "{\"kty\"", with: "{\"use\":\"new-svid\",\"kty\"")
    let good = await read("{\"keys\":[\(jwt),\(other)],\"spiffe_sequence\":1}")
    #expect(good == .success(["k"]), "JWT keys only")
    let noID = jwt.replacingOccurrences(of: "\"kid\":\"k\",", with: "")
    for text in [
      "", "x", "{}", "{\"keys\":3}", "{\"keys\":[\(noID)]}", "{\"keys\":[\(jwt)],\"spiffe_sequence\":\"1\"}",
    ] {
      let result = await read(text)
      #expect(result == .failure(OIDCError(.malformed, "")), "\(text)")
    }
  }
}
