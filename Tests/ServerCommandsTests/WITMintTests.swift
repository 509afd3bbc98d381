import CommandTesting
import Crypto
import CryptoExtras
import Flags
import Foundation
import GRPCCore
import SPIREProtos
import SwiftProtobuf
import Synchronization
import Testing

@testable import ServerCommands

/// `wit mint`, which is there with a feature flag only (server-cli §2).
@Suite struct WITMintTests {
  private typealias Request = Spire_Api_Server_Svid_V1_MintWITSVIDRequest
  private typealias Response = Spire_Api_Server_Svid_V1_MintWITSVIDResponse

  private func mint(
    _ line: String, flags: String = "wit-svid", more: [String] = [],
    _ answer: @escaping @Sendable (Request) throws -> Response
  ) async throws -> Outcome {
    let method = Unary<Request, Response>(Spire_Api_Server_Svid_V1_SVID.Method.MintWITSVID.descriptor) {
      try answer($0)
    }
    return try await withEndpoint([method]) { path in
      let environment = ["SPIRE_SERVER_PRIVATE_SOCKET": path, "SPIRE_SERVER_FFLAGS": flags]
      let captured = CapturedIO(input: "", environment: environment)
      let code = await ServerCommandTree.withFeatures(of: environment)
        .run(line.split(separator: " ").map(String.init) + more, io: captured.io)
      return Outcome(code: code, stdout: captured.stdout, stderr: captured.stderr)
    }
  }

  private static func token(_ request: Request) -> Response {
    .with {
      $0.svid.token = "a.b.c"
      $0.svid.id = request.id
      $0.svid.expiresAt = 4_000_000_000
    }
  }

  @Test(arguments: ["", "other", "wit", "xwit-svid"])
  func withoutTheFlagThereIsNoSuchCommand(_ flags: String) async throws {
    let outcome = try await mint("wit mint", flags: flags, Self.token)
    #expect(outcome.code == 127 && !outcome.stderr.contains("    wit "))
  }

  @Test func theServersRefusalIsPassedOn() async throws {
    let outcome = try await mint("wit mint -spiffeID spiffe://example.org/w", flags: "a wit-svid") { _ in
      throw RPCError(code: .unimplemented, message: "WIT functionality is disabled")
    }
    #expect(outcome.code == 1)
    #expect(outcome.stderr.hasPrefix("Error: unable to mint SVID: rpc error: code = Unimplemented"))
  }

  @Test func itsFlagsAreUpstreams() throws {
    let tree = ServerCommandTree.withFeatures(of: ["SPIRE_SERVER_FFLAGS": "wit-svid"])
    let command = try #require(tree.descriptions.first { $0.words == "wit mint" })
    let flags = command.flags.map { $0.name + ($0.defaultText.isEmpty ? "" : "=" + $0.defaultText) }
    #expect(
      flags.sorted() == [
        "instance", "keyType=ec-p256", "output", "signingAlgorithm=ES256",
        "socketPath=/tmp/spire-server/private/api.sock", "spiffeID", "ttl", "write",
      ])
  }

  @Test func tokenAndKeyArePrinted() async throws {
    let seen = Mutex<Request?>(nil)
    let outcome = try await mint("wit mint -spiffeID spiffe://example.org/w -ttl 1m0.5s") { request in
      seen.withLock { $0 = request }
      return Self.token(request)
    }
    #expect(outcome.code == 0 && outcome.stderr == "")
    let lines = outcome.stdout.split(separator: "\n").map(String.init)
    #expect(lines.count == 2 && lines[0] == "a.b.c")
    let request = try #require(seen.withLock { $0 })
    #expect(request.ttl == 61 && request.signingAlgorithm == "ES256" && request.id.path == "/w")
    // The key that is printed is the one that the server was shown.
    let jwk = try #require(try JSONSerialization.jsonObject(with: Data(lines[1].utf8)) as? [String: String])
    #expect(Set(jwk.keys) == ["kty", "crv", "x", "y", "d"] && jwk["kty"] == "EC" && jwk["crv"] == "P-256")
    let key = try P256.Signing.PrivateKey(rawRepresentation: Self.decode(jwk["d"]))
    #expect(key.publicKey.derRepresentation == request.publicKey)
    #expect(try Self.decode(jwk["x"]) + Self.decode(jwk["y"]) == key.publicKey.rawRepresentation)
  }

  @Test func keysOfAllTypes() throws {
    for (type, algorithm) in [("ec-p384", "ES384"), ("rsa-2048", "PS256")] {
      let key = try WITKey(type: type, algorithm: algorithm)
      let jwk = try #require(try JSONSerialization.jsonObject(with: Data(key.jwk.utf8)) as? [String: String])
      if type == "ec-p384" {
        let own = try P384.Signing.PrivateKey(rawRepresentation: Self.decode(jwk["d"]))
        #expect(Array(own.publicKey.derRepresentation) == key.publicKey)
      } else {
        let own = try _RSA.Signing.PublicKey(n: Self.decode(jwk["n"]), e: Self.decode(jwk["e"]))
        #expect(Array(own.derRepresentation) == key.publicKey)
        #expect(Set(jwk.keys) == ["kty", "n", "e", "d", "p", "q", "dp", "dq", "qi"])
      }
    }
  }

  @Test(arguments: [
    ("-signingAlgorithm HS256", "unsupported signing algorithm: HS256"),
    ("-signingAlgorithm ES384", "unsupported key type 'ec-p256' for 'ES384' signing algorithm"),
    ("-signingAlgorithm RS256", "unsupported key type 'ec-p256' for signing algorithm 'RS256'"),
    ("-keyType rsa-2048", "unsupported key type 'rsa-2048' for 'ES256' signing algorithm"),
  ])
  func keysThatDoNotFit(_ flags: String, _ message: String) async throws {
    let outcome = try await mint("wit mint -spiffeID spiffe://example.org/w \(flags)", Self.token)
    #expect(outcome == .failure(message))
  }

  @Test func aMissingIDIsNamed() async throws {
    #expect(try await mint("wit mint", Self.token) == .failure("spiffeID must be specified"))
  }

  @Test func jsonAndFiles() async throws {
    let json = try await mint("wit mint -spiffeID spiffe://example.org/w -output json", Self.token)
    #expect(json.stdout.hasPrefix(#"{"private_key":"{\"kty\":\"EC\","#))
    #expect(
      json.stdout.hasSuffix(
        #""svid":{"token":"a.b.c","id":{"trust_domain":"example.org","path":"/w"},"expires_at":4000000000}}"# + "\n"))
    try await withTemporaryFolder { folder in
      let outcome = try await mint(
        "wit mint -spiffeID spiffe://example.org/w -write", more: [folder], Self.token)
      #expect(
        outcome == .success("WIT-SVID written to \(folder)/token\nPrivate key written to \(folder)/key\n"))
      #expect(try String(contentsOfFile: folder + "/token", encoding: .utf8) == "a.b.c")
      for name in ["token", "key"] {
        let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
      }
    }
  }

  private static func decode(_ text: String?) throws -> Data {
    let plain = try #require(text).replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
    return try #require(Data(base64Encoded: plain + String(repeating: "=", count: (4 - plain.count % 4) % 4)))
  }
}
