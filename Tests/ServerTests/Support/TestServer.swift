import Authority
import Daemon
import DaemonTesting
import DatastoreAPI
import Foundation
import GRPCCore
import Keys
import Logging
import RPC
import SPIFFE
import SPIREProtos
import SQLDatastore
import ServerPlugins
import Synchronization
import TLS
import Testing

@testable import Server

/// A whole server in this process: a temporary SQLite file, real certificates, both endpoints, a clock that stands still.
struct TestServer: Sendable {
  struct Options {
    var adminIDs: Set<SPIFFEID> = []
    var limitsAttestation = false
    var auditing = false
    var features = ServerParts.Options()
    var time = TestTime()
    /// What the datastore does is counted here.
    var datastoreMetrics: Metrics?
    var metrics = Metrics.none
    /// Where log lines go, instead of into ``TestServer/log``.
    var logger: Logger?
    /// Where the bundles of federated trust domains come from.
    var bundleEndpoint: any BundleEndpoint = NoBundleEndpoint()
    var configuredFederation: [FederationRelationship] = []
    var nodeAttestors: [any NodeAttestor] = []
    /// After which connections are asked to go, in real time.
    var connectionAge: Duration?
    /// Files to begin with, instead of empty ones.
    var datastoreFile: String?
    var keysFile: String?
    init() {}
  }

  static let domain = try! TrustDomain("example.org")

  let folder: String
  let parts: ServerParts
  let datastore: any Datastore
  let time: TestTime
  let log: LogCapture
  let port: Int
  var socket: String { folder + "/api.sock" }

  static func id(_ path: String) -> SPIFFEID { try! SPIFFEID(trustDomain: domain, path: path) }

  /// Runs `body` against a server that is gone afterwards.
  static func with<T: Sendable>(
    _ options: Options = Options(), _ body: @Sendable (TestServer) async throws -> T
  ) async throws -> T {
    let folder = NSTemporaryDirectory() + "srv-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    if let file = options.datastoreFile {
      try FileManager.default.copyItem(atPath: file, toPath: folder + "/datastore.sqlite3")
    }
    if let file = options.keysFile { try FileManager.default.copyItem(atPath: file, toPath: folder + "/keys.json") }

    let log = LogCapture()
    let (time, logger) = (options.time, options.logger ?? log.logger)
    let opened = try await SQLDatastore.open(
      SQLDatastoreConfiguration(connectionString: folder + "/datastore.sqlite3"), logger: logger,
      metrics: options.datastoreMetrics ?? options.metrics, time: time)
    let datastore: any Datastore = opened
    let keys: any KeyManager =
      options.keysFile == nil ? MemoryKeyManager() : try await DiskKeyManager.open(keysPath: folder + "/keys.json")
    var credentials = CredentialConfiguration(
      trustDomain: domain, jwtSVIDsAreDisabled: options.features.disableJWTSVIDs)
    credentials.witSVIDsAreEnabled = options.features.enableWITSVIDs
    let authority = CertificateAuthority(configuration: credentials, time: time, metrics: options.metrics)
    let manager = try await CAManager.start(
      configuration: CAManagerConfiguration(), authority: authority,
      keyManager: MeteredKeyManager(keys, names: .server, metrics: options.metrics), datastore: datastore, time: time,
      metrics: options.metrics, logger: logger)
    let svid = try await ServerSVIDRotator.start(
      authority: authority, keyType: .ecP256, metrics: options.metrics, logger: logger)
    let entries = EntryModelKeeper(datastore: datastore, time: time, metrics: options.metrics, logger: logger)
    try await entries.build()
    let federation = FederatedBundleClient(
      trustDomain: domain, configured: options.configuredFederation, datastore: datastore,
      endpoint: options.bundleEndpoint, time: time, metrics: options.metrics,
      logger: logger.with(subsystem: "bundle_client"), jitter: { 1 })
    let attestors = options.nodeAttestors
    let bundles = BundleCache(datastore: datastore, time: time)
    let rollCall = RollCall(
      trustDomain: domain, datastore: datastore, bundles: bundles, authority: authority, entries: entries, time: time,
      logger: logger)
    let parts = ServerParts(
      trustDomain: domain, datastore: datastore, authority: authority, caManager: manager, serverSVID: svid,
      entries: entries, bundles: bundles, federation: federation, rollCall: rollCall,
      logLevel: LogLevelControl(launch: .debug), time: time, startedAt: time.now, options: options.features,
      attestations: AttestationRoom(metrics: options.metrics, time: time),
      nodeAttestor: { type in attestors.first { $0.name == type } })
    let services = ServerServices(
      parts: parts,
      authorizer: ServerAuthorizer(adminIDs: options.adminIDs, entries: entries, datastore: datastore, time: time),
      limits: RateLimits(attestation: options.limitsAttestation, signing: false, time: time), logger: logger,
      metrics: options.metrics, auditing: options.auditing)
    var tls = GRPCEndpoint.Options()
    tls.tls = (
      ServerTLSIdentity(
        trustDomain: domain, adminIDs: options.adminIDs, svid: svid, bundles: parts.bundles, time: time, logger: logger),
      TLSPolicy()
    )
    tls.maximumConnectionAge = options.connectionAge
    let tcp = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
    let server = TestServer(
      folder: folder, parts: parts, datastore: datastore, time: time, log: log, port: tcp.port ?? 0)
    let unix = try ListeningSocket.unix(path: server.socket, mode: 0o770, directoryMode: 0o750)
    // Real time for the endpoints: only connection deadlines are theirs.
    let endpoints = [
      GRPCEndpoint(
        socket: tcp, services: services.remote, interceptors: services.interceptors, options: tls, time: SystemTime()),
      GRPCEndpoint(
        socket: unix, services: services.local, interceptors: services.interceptors, time: SystemTime()),
    ]
    return try await withThrowingTaskGroup(of: Void.self) { group in
      for endpoint in endpoints { group.addTask { try? await endpoint.run() } }
      do {
        let result = try await body(server)
        group.cancelAll()
        try await group.waitForAll()
        server.checkAuditRecords()
        await opened.close()
        return result
      } catch {
        group.cancelAll()
        await opened.close()
        throw error
      }
    }
  }

  // MARK: Clients

  /// Calls over the admin socket.
  func local<T: Sendable>(_ body: (RPCClient) async throws -> T) async throws -> T {
    try await withUnixClient(socket, body)
  }

  /// Calls over TCP, with or without an identity.
  func remote<T: Sendable>(_ identity: TestIdentity? = nil, _ body: (RPCClient) async throws -> T) async throws -> T {
    let bundle = try await datastore.fetchBundle(of: Self.domain)!
    let now = time.now
    let tls = ClientTLS(server: .spiffe(id: Self.id("/spire/server"), bundle: { bundle }), now: { now }) {
      identity?.credential
    }
    return try await withTLSClient(host: "127.0.0.1", port: port, tls: tls, body)
  }

  // MARK: Common steps

  /// Whatever a test did: its audit records have no field that the method's row does not name.
  private func checkAuditRecords() {
    let policies = ServerServices.policies(RateLimits(time: time))
    let common: Set = [
      "type", "request_id", "service", "method", "status", "status_code", "status_message", "caller_uid", "caller_gid",
      "caller_path", "caller_addr", "caller_id", "authorized_as", "authorized_via", "subsystem_name",
    ]
    for record in log.all("API accessed") {
      let policy = policies.first {
        $0.names.service == record.fields["service"] && $0.names.method == record.fields["method"]
      }
      let names = record.fields.keys.map { name in
        let end = name.lastIndex(of: ".") ?? name.endIndex
        return Int(name[end...].dropFirst()) == nil ? name : String(name[..<end]) + ".N"
      }
      let undeclared = Set(names).subtracting(common).subtracting(policy?.auditFields ?? [])
      #expect(undeclared.isEmpty, "\(record.fields["service"] ?? "")/\(record.fields["method"] ?? "")")
    }
  }

  /// Attests an agent with a fresh join token.
  func attest(token: String? = nil) async throws -> TestIdentity {
    let value: String
    if let token {
      value = token
    } else {
      value = try await local { client in
        var request = Spire_Api_Server_Agent_V1_CreateJoinTokenRequest()
        request.ttl = 600
        return try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client).createJoinToken(request).value
      }
    }
    let key = TestKey()
    let response = try await remote { client in
      try await Self.attest(client, token: value, csr: key.csr())
    }
    return try TestIdentity(response.result.svid, key: key)
  }

  static func attest(
    _ client: RPCClient, token: String, csr: Data, type: String = "join_token"
  ) async throws -> Spire_Api_Server_Agent_V1_AttestAgentResponse {
    var request = Spire_Api_Server_Agent_V1_AttestAgentRequest()
    request.params.data.type = type
    request.params.data.payload = Data(token.utf8)
    request.params.params.csr = csr
    return try await attest(client, request)
  }

  static func attest(
    _ client: RPCClient, _ request: Spire_Api_Server_Agent_V1_AttestAgentRequest
  ) async throws -> Spire_Api_Server_Agent_V1_AttestAgentResponse {
    try await Spire_Api_Server_Agent_V1_Agent.Client(wrapping: client).attestAgent { writer in
      try await writer.write(request)
    } onResponse: { response in
      for try await message in response.messages { return message }
      throw RPCError(code: .unknown, message: "no answer")
    }
  }

  /// Mints an SVID for `path` over the admin socket.
  func mint(_ path: String) async throws -> TestIdentity {
    let key = TestKey()
    var request = Spire_Api_Server_Svid_V1_MintX509SVIDRequest()
    request.csr = try key.csr(uris: [Self.id(path).description])
    let message = request
    let response = try await local {
      try await Spire_Api_Server_Svid_V1_SVID.Client(wrapping: $0).mintX509SVID(message)
    }
    return try TestIdentity(response.svid, key: key)
  }

  /// Creates one entry over the admin socket.
  @discardableResult
  func createEntry(
    _ path: String, parent: SPIFFEID, selectors: [(String, String)] = [("unix", "uid:1")],
    _ change: (inout Spire_Api_Types_Entry) -> Void = { _ in }
  ) async throws -> Spire_Api_Types_Entry {
    var request = Spire_Api_Server_Entry_V1_BatchCreateEntryRequest()
    request.entries = [Self.entry(path, parent: parent, selectors: selectors)]
    change(&request.entries[0])
    let message = request
    let response = try await local {
      try await Spire_Api_Server_Entry_V1_Entry.Client(wrapping: $0).batchCreateEntry(message)
    }
    try #require(response.results.count == 1)
    #expect(response.results[0].status.code == 0, "\(response.results[0].status)")
    return response.results[0].entry
  }

  static func entry(
    _ path: String, parent: SPIFFEID, selectors: [(String, String)] = [("unix", "uid:1")]
  ) -> Spire_Api_Types_Entry {
    var entry = Spire_Api_Types_Entry()
    entry.spiffeID.trustDomain = domain.name
    entry.spiffeID.path = path
    entry.parentID.trustDomain = parent.trustDomain.name
    entry.parentID.path = parent.path
    entry.selectors = selectors.map { type, value in
      var selector = Spire_Api_Types_Selector()
      selector.type = type
      selector.value = value
      return selector
    }
    return entry
  }
}

/// The code and message that a call fails with.
struct Failure: Equatable, Sendable, CustomStringConvertible {
  let code: RPCError.Code
  let message: String

  init(_ code: RPCError.Code, _ message: String) {
    self.code = code
    self.message = message
  }

  var description: String { "\(code) \(message)" }
}

/// Runs a call that must fail and returns how.
func failure(_ body: () async throws -> some Sendable) async throws -> Failure {
  do {
    _ = try await body()
  } catch let error as RPCError {
    return Failure(error.code, error.message)
  }
  throw Unexpected()
}

struct Unexpected: Error {}

/// An endpoint that nobody should ask.
struct NoBundleEndpoint: BundleEndpoint {
  func fetch(
    _ relationship: FederationRelationship, authorities bundle: SPIFFE.Bundle?
  ) async throws(FederationError) -> SPIFFE.Bundle {
    throw FederationError(.unreachable, "failed to fetch bundle: nobody is there")
  }
}
