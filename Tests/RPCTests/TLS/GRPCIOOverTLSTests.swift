import Foundation
import SPIFFE
import Synchronization
import TLS
import Testing

@testable import RPC

/// grpcio, with its own TLS, against an endpoint that knows its callers by their certificates.
@Suite(.enabled(if: Python.hasGRPC)) struct GRPCIOOverTLSTests {
  /// grpcio compares the server's name with a DNS name.
  static let serverName = "server.test"

  static let program = """
    import sys, threading, time, grpc
    port, folder, presents, what = sys.argv[1], sys.argv[2], sys.argv[3] == "yes", sys.argv[4]
    read = lambda name: open(folder + "/" + name, "rb").read()
    credentials = grpc.ssl_channel_credentials(
        read("bundle.pem"), *((read("key.pem"), read("svid.pem")) if presents else ()))
    def open_channel(*options):
        return grpc.secure_channel("127.0.0.1:" + port, credentials, options=[
            ("grpc.ssl_target_name_override", "\(serverName)"), ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0), *options])
    def method(channel):
        return channel.unary_unary("/grpc.health.v1.Health/Check", request_serializer=bytes,
                                   response_deserializer=bytes)
    def padded(size):
        return b"\\xfa\\x3e" + bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21]) \\
            + b"\\0" * size
    if what == "call":
        channel = open_channel()
        try:
            print("answer", method(channel)(b"", timeout=20).hex())
        except grpc.RpcError as error:
            print("refused", error.code().name)
        channel.close()
    else:
        channel = open_channel(("grpc.keepalive_time_ms", 10), ("grpc.keepalive_timeout_ms", 20000),
            ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.bdp_probe", 1),
            ("grpc.http2.max_pings_without_data", 0), ("grpc.http2.min_ping_interval_without_data_ms", 5))
        states, call = [], method(channel)
        channel.subscribe(states.append)
        for _ in range(300):
            call(b"", timeout=20)
        # Large messages make grpcio estimate the bandwidth: it pings with each.
        for size in (1, 16000, 65536, 300000, 1 << 20, 3 << 20):
            for _ in range(4):
                call(padded(size), timeout=20)
        failures = []
        def work():
            for _ in range(40):
                try:
                    call(padded(20000), timeout=20)
                except grpc.RpcError as error:
                    failures.append(error)
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        channel.close()
        names = [state.name for state in states]
        print("failures", failures[:2], "connected", names.count("READY"), "lost", names.count("TRANSIENT_FAILURE"))
    """

  let pki: TestPKI
  let identity: TestIdentity
  let folder: SocketFolder

  init() throws {
    pki = try TestPKI("example.org")
    identity = try TestIdentity(pki)
    identity.rotate(try pki.svid("/spire/server", dnsNames: [Self.serverName]), bundles: [pki.bundle])
    folder = try SocketFolder()
    try write("bundle.pem", PEM.encode(pki.der, type: "CERTIFICATE"))
  }

  private func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder.path + "/" + name))
  }

  private func present(_ credential: TLSCredential) throws {
    try write("svid.pem", credential.chain.map { PEM.encode($0, type: "CERTIFICATE") }.joined())
    guard case .der(let key) = credential.key else { return }
    try write("key.pem", PEM.encode(key, type: "PRIVATE KEY"))
  }

  /// What grpcio says of the endpoint, and who called.
  private func run(presents: Bool, _ what: String) async throws -> (output: String, callers: Set<String>) {
    let callers = Mutex<Set<String>>([])
    let service = TestService(onCheck: { _, context in
      let name = context.peer?.caller.id.map { "\($0)" } ?? "nobody"
      callers.withLock { _ = $0.insert(name) }
    })
    var options = GRPCEndpoint.Options()
    options.tls = (identity, TLSPolicy())
    let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
    let port = socket.port ?? 0
    let command = ["python3", "-c", Self.program, "\(port)", folder.path, presents ? "yes" : "no", what]
    let result = try await withEndpoint(
      socket, services: [service], interceptors: [testInterceptor(testPolicies(.any))], options: options
    ) { _, _ in try await Tool.runAside(command) }
    return (result.output.trimmingCharacters(in: .whitespacesAndNewlines), callers.withLock { $0 })
  }

  @Test func itsCertificateIsTheCaller() async throws {
    try present(pki.svid("/spire/agent/1"))
    let result = try await run(presents: true, "call")
    #expect(result.output == "answer 0801" && result.callers == ["spiffe://example.org/spire/agent/1"])
  }

  @Test func withoutACertificateItIsAnonymous() async throws {
    let result = try await run(presents: false, "call")
    #expect(result.output == "answer 0801" && result.callers == ["nobody"])
  }

  @Test func aCertificateOfAnotherAuthorityIsRefused() async throws {
    try present(TestPKI("example.org").svid("/spire/agent/1"))
    let result = try await run(presents: true, "call")
    #expect(result.output.contains("refused UNAVAILABLE") && result.callers.isEmpty, "\(result.output)")
  }

  @Test func keepalivePingsAndBandwidthProbesDoNotCostTheConnection() async throws {
    try present(pki.svid("/spire/agent/1"))
    let result = try await run(presents: true, "load")
    #expect(result.output == "failures [] connected 1 lost 0")
    #expect(result.callers == ["spiffe://example.org/spire/agent/1"])
  }
}
