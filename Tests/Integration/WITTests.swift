import Foundation
import Testing

/// WIT-SVIDs with the programs as they are installed: the switch on, off, and on again, before a client that was not
/// written here.
@Suite(.serialized) struct WITTests {
  private static let on = #"experimental { feature_flags = ["wit-svid"] }"#

  @Test("from the entry to a token that PyJWT verifies, through rotation and the switch", .timeLimit(.minutes(4)))
  func fromEntryToToken() async throws {
    guard Programs.python != nil else { return }
    let deployment = try Deployment(
      serverOptions: #"experimental { feature_flags = ["wit-svid"] wit_issuer = "wit.example.org" }"#,
      agentOptions: Self.on)
    try await deployment.startServer()
    try await deployment.writeBundle()
    let token = try await deployment.createToken(alias: "/host")
    let uid = "unix:uid:\(getuid())"
    try await deployment.createEntry("/workload", selector: uid)
    try await deployment.createEntry("/second", selector: uid, more: ["-hint", "internal"])
    try await deployment.startAgent(token: token)
    let run = try await deployment.python("wit.py", ["on"])
    let keyID = try #require(run.stdout.split(separator: "\n").first).description

    // wit mint, where the environment names the feature.
    let folder = deployment.directory
    let mint = try await Shell.run(
      Programs.server,
      [
        "wit", "mint", "-spiffeID", "spiffe://example.org/minted", "-ttl", "1m", "-write", folder, "-socketPath",
        deployment.serverSocket,
      ], environment: ["SPIRE_SERVER_FFLAGS": "wit-svid"])
    #expect(mint.status == 0, "\(mint.everything)")
    try await deployment.python("wit.py", ["check", folder + "/token", folder + "/key"])

    // Switched off: upstream's answers, and nothing is lost.
    #expect(await deployment.agent?.stop() == 0)
    #expect(await deployment.server?.stop() == 0)
    (deployment.serverOptions, deployment.agentOptions) = ("", "")
    try await deployment.startServer()
    try await deployment.startAgent(token: nil)
    try await deployment.python("wit.py", ["off"])
    let shown = try await deployment.serverCommand(["bundle", "show", "-format", "spiffe"])
    #expect(shown.stdout.contains("\"use\": \"wit-svid\"") && shown.stdout.contains(keyID))

    // And on again: the same key signs.
    #expect(await deployment.server?.stop() == 0)
    deployment.serverOptions = Self.on
    try await deployment.startServer()
    let bundle = try await deployment.serverCommand(["bundle", "show", "-output", "json"])
    let object = try JSONSerialization.jsonObject(with: Data(bundle.stdout.utf8)) as? [String: Any]
    let keys = object?["wit_authorities"] as? [[String: Any]]
    #expect(keys?.compactMap { $0["key_id"] as? String } == [keyID])
  }
}
