import Foundation
import Testing

/// The main promise with real processes, judged by clients that were not written here.
@Suite("First identity", .serialized)
struct FirstIdentityTests {
  @Test("py-spiffe, grpcio, openssl and cryptography accept what a workload gets", .timeLimit(.minutes(4)))
  func clientsNotWrittenHere() async throws {
    try #require(Programs.python != nil, "run `make test`, which prepares the Python clients")
    let deployment = try Deployment()
    try await deployment.startEverything()
    try await deployment.python("first_identity.py")
    try await deployment.python("server_api.py")

    // The files of `api fetch x509 -write`.
    let folder = deployment.directory + "/out"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let fetch = try await deployment.agentCommand(["api", "fetch", "x509", "-write", folder])
    try #require(fetch.status == 0, "\(fetch.everything)")
    #expect(fetch.stdout.contains("SPIFFE ID:\t\tspiffe://example.org/workload"))
    let key = try FileManager.default.attributesOfItem(atPath: folder + "/svid.0.key")
    #expect((key[.posixPermissions] as? Int).map { $0 & 0o777 } == 0o600)
    let verified = try await Shell.run(
      "/usr/bin/env",
      ["openssl", "verify", "-x509_strict", "-CAfile", folder + "/bundle.0.pem", folder + "/svid.0.pem"])
    #expect(verified.status == 0, "\(verified.everything)")
    try await deployment.python(
      "certificate_profile.py", [folder + "/svid.0.pem", folder + "/bundle.0.pem", "spiffe://example.org/workload"])

    // An operator mints.
    let minted = try await deployment.serverCommand([
      "x509", "mint", "-spiffeID", "spiffe://example.org/minted", "-dns", "a.example.org", "-dns", "b.example.org",
      "-write", folder,
    ])
    #expect(minted.stdout.contains("X509-SVID written to"))
    try await deployment.python(
      "certificate_profile.py",
      [folder + "/svid.pem", folder + "/bundle.pem", "spiffe://example.org/minted", "a.example.org", "b.example.org"])
  }

  @Test("an open stream sees a new entry, an update and a deletion", .timeLimit(.minutes(4)))
  func changesReachOpenStreams() async throws {
    let deployment = try Deployment(agentOptions: "experimental { sync_interval = \"1s\" }")
    try await deployment.startEverything()
    let watch = try DaemonProcess(
      name: "watch", executable: Programs.agent, arguments: ["api", "watch", "-socketPath", deployment.agentSocket],
      logPath: deployment.directory + "/watch.log")
    defer { watch.signal(SIGKILL) }
    try await eventually("first SVID", log: { watch.log }) { watch.log.contains("spiffe://example.org/workload") }
    let entry = try await deployment.createEntry("/second", selector: "unix:uid:\(getuid())")
    try await eventually("second SVID", log: { watch.log }) { watch.log.contains("spiffe://example.org/second") }
    _ = try await deployment.serverCommand(["entry", "delete", "-entryID", entry])
    try await eventually("only the first SVID again", log: { watch.log }) {
      guard let last = watch.log.range(of: "Received ", options: .backwards) else { return false }
      return watch.log[last.lowerBound...].hasPrefix("Received 1 svid")
    }
  }

  @Test("a process without an entry is told so, and gets its identity when there is one", .timeLimit(.minutes(4)))
  func noIdentity() async throws {
    let deployment = try Deployment(agentOptions: "experimental { sync_interval = \"1s\" }")
    try await deployment.startServer()
    try await deployment.writeBundle()
    try await deployment.startAgent(token: try await deployment.createToken(alias: "/host"))
    let none = try await deployment.agentCommand(["api", "fetch", "x509"])
    #expect(none.status == 1)
    #expect(none.stderr.contains("rpc error: code = PermissionDenied desc = no identity issued"), "\(none.everything)")
    try await deployment.createEntry("/late", selector: "unix:uid:\(getuid())")
    try await eventually("an identity") {
      try await deployment.agentCommand(["api", "fetch", "x509"]).stdout.contains("spiffe://example.org/late")
    }
  }

  @Test("X509-SVIDs rotate over several lifetimes without a gap", .timeLimit(.minutes(4)))
  func rotation() async throws {
    try #require(Programs.python != nil, "run `make test`, which prepares the Python clients")
    let deployment = try Deployment(
      serverOptions: "default_x509_svid_ttl = \"16s\"\n  agent_ttl = \"16s\"",
      agentOptions: "experimental { sync_interval = \"1s\" }")
    try await deployment.startEverything()
    try await deployment.python("rotation.py", ["4"])
  }
}
