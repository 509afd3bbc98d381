import CommandTesting
import Daemon
import DaemonTesting
import Foundation
import GRPCCore
import HCL
import HTTPTesting
import Logging
import SPIFFE
import SVIDFiles
import ServiceLifecycle
import Synchronization
import Testing
import WorkloadClient
import WorkloadProtos

@testable import SpiffeHelper

func parsed(_ text: String, environment: [String: String] = [:], daemonMode: Bool? = nil) throws -> HelperConfiguration
{
  try HelperConfiguration(
    HelperConfigFile(HCLDocument.parse(text, file: "helper.conf")), daemonMode: daemonMode, environment: environment)
}

/// A token that nobody verifies here.
func token(_ id: String = "spiffe://example.org/web", audience: [String], expiry: Date, number: Int = 0) -> String {
  let claims: JSONValue = [
    "aud": .array(audience.map { .string($0) }), "exp": .int(Int64(expiry.timeIntervalSince1970)),
    "iat": .int(Int64(number)), "sub": .string(id),
  ]
  return [
    Base64.encodeURL(Array(#"{"alg":"ES256","kid":"k","typ":"JWT"}"#.utf8)), Base64.encodeURL(claims.encoded()),
    Base64.encodeURL([UInt8](repeating: 1, count: 64)),
  ].joined(separator: ".")
}

/// A Workload API that says what the test tells it.
final class ScriptedWorkloadAPI: Sendable {
  private struct State {
    var x509: WorkloadX509SVIDResponse?
    var bundles: WorkloadJWTBundlesResponse?
    var failure: RPCError?
    var audiences: [[String]] = []
    var watchers: [UInt64: AsyncStream<Void>.Continuation] = [:]
    var last: UInt64 = 0
  }
  private static let header = ("workload.spiffe.io", "true")

  let pki: TestPKI
  private let state = Mutex(State())

  init() throws { pki = try TestPKI("example.org") }

  var audiences: [[String]] { state.withLock(\.audiences) }

  /// The SVIDs of the process, anew, with these paths and hints.
  func rotate(_ svids: [(path: String, hint: String)] = [("/web", "")], federated: [String: TestPKI] = [:]) throws {
    var response = WorkloadX509SVIDResponse()
    response.svids = try svids.map { path, hint in
      let id = "spiffe://example.org\(path)"
      let leaf = try pki.server(id: id)
      var svid = WorkloadX509SVID()
      svid.spiffeID = id
      svid.x509Svid = Data(leaf.certificate)
      svid.x509SvidKey = Data(leaf.key)
      svid.bundle = Data(pki.der)
      svid.hint = hint
      return svid
    }
    response.federatedBundles = federated.mapValues { Data($0.der) }
    change { $0.x509 = response }
  }

  func setBundles(_ bundles: [String: String]) {
    var response = WorkloadJWTBundlesResponse()
    response.bundles = bundles.mapValues { Data($0.utf8) }
    change { $0.bundles = response }
  }

  /// Every call fails from now on, and streams end; nil ends that.
  func fail(_ failure: RPCError?) { change { $0.failure = failure } }

  private func change(_ body: (inout State) -> Void) {
    let watchers = state.withLock { state in
      body(&state)
      return Array(state.watchers.values)
    }
    for watcher in watchers { watcher.yield() }
  }

  private func serve<Message: Sendable>(
    _ writer: RPCWriter<Message>, _ pick: @Sendable (borrowing State) -> Message?
  ) async throws {
    let (stream, bell) = AsyncStream.makeStream(of: Void.self)
    let number = state.withLock { state in
      state.last += 1
      state.watchers[state.last] = bell
      return state.last
    }
    defer { state.withLock { _ = $0.watchers.removeValue(forKey: number) } }
    bell.yield()
    for await _ in stream {
      let (failure, message) = state.withLock { ($0.failure, pick($0)) }
      if let failure { throw failure }
      if let message { try await writer.write(message) }
    }
  }

  var methods: [any FakeMethod] {
    typealias Method = WorkloadSpiffeWorkloadAPI.Method
    return [
      Stream<WorkloadX509SVIDRequest, WorkloadX509SVIDResponse>(
        Method.FetchX509SVID.descriptor, requires: Self.header
      ) { [self] _, writer in try await serve(writer) { $0.x509 } },
      Stream<WorkloadJWTBundlesRequest, WorkloadJWTBundlesResponse>(
        Method.FetchJWTBundles.descriptor, requires: Self.header
      ) { [self] _, writer in try await serve(writer) { $0.bundles } },
      Unary<WorkloadJWTSVIDRequest, WorkloadJWTSVIDResponse>(
        Method.FetchJWTSVID.descriptor, requires: Self.header
      ) { [self] request in
        let (failure, number) = state.withLock { state in
          state.audiences.append(request.audience)
          return (state.failure, state.audiences.count)
        }
        if let failure { throw failure }
        var response = WorkloadJWTSVIDResponse()
        var svid = WorkloadJWTSVID()
        svid.spiffeID = "spiffe://example.org/web"
        svid.svid = token(audience: request.audience, expiry: Date() + 600, number: number)
        response.svids = [svid]
        return response
      },
    ]
  }
}

/// A helper of a test: its folder, its log, and the API that it asks.
struct TestHelper: Sendable {
  let folder: TemporaryFolder
  let log: LogCapture
  let api: ScriptedWorkloadAPI

  init() throws {
    folder = try TemporaryFolder()
    log = LogCapture()
    api = try ScriptedWorkloadAPI()
  }

  /// Runs a helper with these lines of configuration while `body` runs.
  func run(_ lines: String, time: any TimeSource = SystemTime(), _ body: @Sendable (TestHelper) async throws -> Void)
    async throws
  {
    try await withEndpoint(api.methods) { socket in
      let configuration = try parsed("agent_address = \"\(socket)\"\ncert_dir = \"\(folder.path)\"\n" + lines)
      let service = KeepingService(HelperParts(configuration, time: time, logger: log.logger))
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await service.run() }
        do { try await body(self) } catch {
          group.cancelAll()
          throw error
        }
        group.cancelAll()
      }
    }
  }

  /// Waits for what another task does.
  func until(_ condition: () throws -> Bool) async throws {
    while try !condition() { try await Task.sleep(for: .milliseconds(2)) }
  }

  func certificates(_ name: String) throws -> [[UInt8]] {
    try PEM.decode(folder.text(name) ?? "", type: "CERTIFICATE")
  }

  static let x509 = """
    svid_file_name = "svid.pem"
    svid_key_file_name = "key.pem"
    svid_bundle_file_name = "bundle.pem"

    """
}
