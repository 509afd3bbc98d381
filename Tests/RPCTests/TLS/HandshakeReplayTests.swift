import Crypto
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import SPIFFE
import TLS
import Testing
import X509

@testable import RPC

/// What strangers do to a port behind TLS before they are anybody: on real sockets, byte by byte.
@Suite struct HandshakeReplayTests {
  let base: TLSEndpointTests

  init() throws { base = try TLSEndpointTests() }

  /// A client that writes bytes and waits for the end.
  private static func connect(_ port: Int) async throws -> any Channel {
    try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: "127.0.0.1", port: port).get()
  }

  private func withServer(
    handshakes: Int = 64, silence: Duration = .seconds(20), idle: Int = 256,
    _ body: @Sendable (_ port: Int, TestLog) async throws -> Void
  ) async throws {
    let log = TestLog()
    var options = GRPCEndpoint.Options()
    options.maximumHandshakes = handshakes
    options.silenceLimit = silence
    options.maximumIdleHandshakesOfAddress = idle
    options.logger = log.logger
    options.tls = (base.identity, .init())
    let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
    let port = socket.port ?? 0
    try await withEndpoint(
      socket, services: [TestService()], interceptors: [testInterceptor(testPolicies(.any))], options: options
    ) { endpoint, _ in
      try await body(port, log)
      await eventually { endpoint.connectionCount == 0 }
    }
  }

  /// The first bytes of a ClientHello that says it is longer than all that comes.
  private static let start: [UInt8] = [22, 3, 1, 0x40, 0, 1, 0, 0x3F, 0xFC, 3, 3]

  /// Slowloris: handshakes that do not begin, stop after a piece, or go on with a byte at a time. Their time is that of
  /// the connection, not of the last byte.
  @Test(.timeLimit(.minutes(3)), arguments: [[], start, start + [UInt8](repeating: 7, count: 2000)] as [[UInt8]])
  func handshakesThatStall(_ bytes: [UInt8]) async throws {
    try await withServer(silence: .milliseconds(300)) { port, log in
      var stalled: [any Channel] = []
      for _ in 0..<10 {
        let channel = try await Self.connect(port)
        if !bytes.isEmpty { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }
        stalled.append(channel)
      }
      for channel in stalled { try await channel.closeFuture.get() }
      #expect(log.all.allSatisfy { $0.fields["reason"] == "no HTTP/2 request began within 300 ms" })
    }
  }

  /// One place for handshakes, some who sit on it, and somebody honest.
  @Test(.timeLimit(.minutes(3))) func whoStallsKeepsNobodyOut() async throws {
    let base = base
    try await withServer(handshakes: 1) { port, _ in
      var stalled: [any Channel] = []
      for _ in 0..<5 {
        let channel = try await Self.connect(port)
        try await channel.writeAndFlush(ByteBuffer(bytes: Self.start))
        stalled.append(channel)
      }
      let error = try await base.call(port, base.client())
      #expect(error == nil)
      for channel in stalled { try? await channel.close() }
    }
  }

  /// An address opens connections that say nothing, or stop in their handshake, and goes on and on: it has so many, the
  /// ones that have waited longest go, and others of the same address get through.
  @Test(.timeLimit(.minutes(3)), arguments: [[], start] as [[UInt8]])
  func whoOpensAndOpensLosesTheOldest(_ bytes: [UInt8]) async throws {
    try await withServer(idle: 4) { port, log in
      var held: [any Channel] = []
      for _ in 0..<12 {
        let channel = try await Self.connect(port)
        if !bytes.isEmpty { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }
        held.append(channel)
      }
      try await expectEightLeave(held, port)
      #expect(
        log.all.allSatisfy { $0.fields["reason"] == "too many connections whose TLS handshake does not go on" })
      for channel in held { try? await channel.close() }
    }
  }

  /// Of twelve, where four may stay; and others of their address get through.
  private func expectEightLeave(_ held: [any Channel], _ port: Int) async throws {
    // Connections that come at the same time are counted in any order.
    await eventually { held.count { !$0.isActive } >= 8 }
    let error = try await base.call(port, base.client())
    #expect(error == nil)
    #expect(held.count { $0.isActive } >= 3)
  }

  /// Connections of an address that has shown no certificate, which are used for nothing: it has so many, the ones that have
  /// waited longest are asked to go, and a call that is open keeps its connection.
  @Test(.timeLimit(.minutes(3)), arguments: [IdleHTTP2Client.Stage.handshake, .hello])
  func whoIsUsedForNothingMakesRoom(_ stage: IdleHTTP2Client.Stage) async throws {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateVerification = .none
    configuration.applicationProtocols = ["h2"]
    let context = try NIOSSLContext(configuration: configuration)
    try await withServer(idle: 4) { port, log in
      @Sendable func connect(_ stage: IdleHTTP2Client.Stage) async throws -> any Channel {
        let ready = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
          .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
              let pipeline = channel.pipeline.syncOperations
              try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
              try pipeline.addHandler(IdleHTTP2Client(stage, ready))
            }
          }.connect(host: "127.0.0.1", port: port).get()
        try await ready.futureResult.get()
        return channel
      }
      let busy = try await connect(.call)
      var held: [any Channel] = []
      for _ in 0..<12 { held.append(try await connect(stage)) }
      try await expectEightLeave(held, port)
      #expect(busy.isActive)
      #expect(
        log.all.allSatisfy { $0.fields["reason"] == "too many connections without a certificate and without calls" })
      for channel in held + [busy] { try? await channel.close() }
    }
  }

  /// HTTP/2 that does not begin after a good handshake.
  @Test(.timeLimit(.minutes(3))) func prefacesThatStall() async throws {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateVerification = .none
    configuration.applicationProtocols = ["h2"]
    let context = try NIOSSLContext(configuration: configuration)
    try await withServer(silence: .milliseconds(1500)) { port, log in
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
          }
        }.connect(host: "127.0.0.1", port: port).get()
      channel.writeAndFlush(ByteBuffer(string: "PRI * HTTP/2.0"), promise: nil)
      try await channel.closeFuture.get()
      #expect(log.all.map { $0.fields["reason"] } == ["no HTTP/2 request began within 1500 ms"])
    }
  }

  /// A ClientHello of megabytes, and what is none: the connection ends before that has come.
  @Test(
    .timeLimit(.minutes(3)),
    arguments: [[22, 3, 1, 0x40, 0, 1, 0xFF, 0xFF, 0xFF], [23, 3, 3, 0xFF, 0xFF], [0x80, 0xFF]] as [[UInt8]])
  func helloOfMegabytes(_ start: [UInt8]) async throws {
    let base = base
    try await withServer { port, log in
      let channel = try await Self.connect(port)
      channel.writeAndFlush(ByteBuffer(bytes: start), promise: nil)
      let piece = ByteBuffer(repeating: start[0], count: 16_384)
      for _ in 0..<1000 where channel.isActive { channel.writeAndFlush(piece, promise: nil) }
      try await channel.closeFuture.get()
      let error = try await base.call(port, base.client())
      #expect(error == nil)
      #expect(log.messages.count <= 1)
    }
  }

  /// Client certificates whose intermediates all have one name and sign each other. The search ends with its budget; it is
  /// done beside the event loops, and a caller who comes meanwhile is served.
  @Test(.timeLimit(.minutes(3))) func clientCertificatesBuiltToBurnCPU() async throws {
    let keys = (0..<20).map { _ in P256.Signing.PrivateKey() }
    let name = try DistinguishedName { CommonName("same") }
    func certificate(_ key: P256.Signing.PublicKey, by signer: P256.Signing.PrivateKey, isCA: Bool) throws -> [UInt8] {
      try X509Certificates.der(
        of: Certificate(
          version: .v3, serialNumber: .init(), publicKey: .init(key), notValidBefore: Date() - 60,
          notValidAfter: Date() + 600, issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
          extensions: .init {
            if isCA {
              Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
              Critical(KeyUsage(keyCertSign: true))
            } else {
              Critical(KeyUsage(digitalSignature: true))
              SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://example.org/spire/agent/x")])
            }
          }, issuerPrivateKey: .init(signer)))
    }
    let leaf = P256.Signing.PrivateKey()
    var chain = [try certificate(leaf.publicKey, by: keys[0], isCA: false)]
    for (index, key) in keys.enumerated() {
      for step in 1...3 {
        chain.append(try certificate(keys[(index + step) % keys.count].publicKey, by: key, isCA: true))
      }
    }
    let credential = TLSCredential(chain: chain, key: .der(Array(leaf.derRepresentation)))
    let base = base
    try await withServer { port, log in
      await withTaskGroup(of: Bool.self) { group in
        for number in 0..<12 {
          group.addTask {
            guard let tls = try? base.client(number % 2 == 0 ? credential : nil) else { return false }
            let error = await base.call(port, tls)
            return number % 2 == 0 ? error?.connectError?.code == .handshake : error == nil
          }
        }
        for await isAsExpected in group { #expect(isAsExpected) }
      }
      #expect(base.identity.verifications <= 6)
    }
  }
}
