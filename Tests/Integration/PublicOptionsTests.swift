import Foundation
import Testing

/// The options that decide what the agent's public socket serves, and to whom, with real processes and grpcio.
@Suite("options of the public socket", .serialized)
struct PublicOptionsTests {
  @Test("verifiers, foreign claims, rate limits and what is switched off", .timeLimit(.minutes(4)))
  func options() async throws {
    try #require(Programs.python != nil, "run `make test`, which prepares the Python clients")
    let deployment = try Deployment()
    let admin = deployment.directory + "/admin.sock"
    try await deployment.startServer()
    try await deployment.writeBundle()
    let token = try await deployment.createToken(alias: "/host")
    try await deployment.startAgent(token: token)
    try await deployment.python("public_options.py", ["stranger"])

    // Verifiers need no identity.
    try await restart(deployment, #"allow_unauthenticated_verifiers = true"#)
    try await deployment.python("public_options.py", ["verifier"])

    // Claims of foreign tokens, and limits.
    let (key, bundle) = try await foreignKey(deployment.directory)
    _ = try await deployment.serverCommand([
      "bundle", "set", "-id", "foreign.test", "-format", "spiffe", "-path", bundle,
    ])
    try await deployment.createEntry(
      "/workload", selector: "unix:uid:\(getuid())", more: ["-federatesWith", "foreign.test"])
    try await restart(
      deployment,
      #"allowed_foreign_jwt_claims = ["team", "role", "other"] experimental { ratelimit { fetch_jwt_svid = 1 } }"#)
    try await deployment.python("public_options.py", ["claims", key, "foreign", "team", "role"])
    try await deployment.python("public_options.py", ["limit"])

    // Without the Workload API the socket still tells that the agent is well.
    try await restart(deployment, "disable_workload_api = true")
    try await deployment.python("public_options.py", ["disabled"])
    // Without either API there is no public socket; the agent runs, and its admin socket answers.
    #expect(await deployment.agent?.stop() == 0)
    deployment.agentOptions =
      "disable_workload_api = true disable_sds_api = true admin_socket_path = \"\(admin)\""
    try await deployment.startAgent(token: nil, waitForHealth: false)
    try await eventually("the admin socket answers", log: { deployment.agent?.log ?? "" }) {
      try await Shell.run(Programs.agent, ["debug", "getinfo", "-socketPath", admin]).status == 0
    }
    #expect(!FileManager.default.fileExists(atPath: deployment.agentSocket))
    #expect(deployment.agent?.log.contains("Skipping agent APIs because public endpoint is disabled") == true)
  }

  private func restart(_ deployment: Deployment, _ options: String) async throws {
    #expect(await deployment.agent?.stop() == 0)
    deployment.agentOptions = options
    try await deployment.startAgent(token: nil)
  }

  /// A key of a foreign trust domain's authority, and the bundle document that names it.
  private func foreignKey(_ folder: String) async throws -> (key: String, bundle: String) {
    let python = try #require(Programs.python)
    let program = """
      import json, sys
      from cryptography.hazmat.primitives.asymmetric import ec
      from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
      import jwt
      key = ec.generate_private_key(ec.SECP256R1())
      open(sys.argv[1] + "/foreign.key", "wb").write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
      public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
      public = {k: public[k] for k in ("kty", "crv", "x", "y")} | {"kid": "foreign", "use": "jwt-svid"}
      json.dump({"keys": [public]}, open(sys.argv[1] + "/foreign.json", "w"))
      """
    let result = try await Shell.run(python, Programs.pythonArguments + ["-c", program, folder])
    try #require(result.status == 0, "\(result.everything)")
    return (folder + "/foreign.key", folder + "/foreign.json")
  }
}
