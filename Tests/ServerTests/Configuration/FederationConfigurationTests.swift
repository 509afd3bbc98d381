import Daemon
import DatastoreAPI
import SPIFFE
import Server
import Testing

/// `server.federation.federates_with` (server-config §4).
@Suite struct FederationConfigurationTests {
  private func problems(_ block: String) throws -> [String] {
    try serverProblems(ServerFile.with(server: "federation { \(block) }"))?.problems.map(\.message) ?? []
  }

  @Test func relationshipsAreRead() throws {
    let text = ServerFile.with(
      server: """
        federation {
          federates_with "web.test" {
            bundle_endpoint_url = "https://web.test/bundle"
            bundle_endpoint_profile "https_web" {}
          }
          federates_with "spiffe://spiffe.test" {
            bundle_endpoint_url = "https://spiffe.test:8443"
            bundle_endpoint_profile "https_spiffe" { endpoint_spiffe_id = "spiffe://spiffe.test/spire/server" }
          }
        }
        """)
    #expect(
      try serverConfiguration(text).federatesWith == [
        FederationRelationship(
          trustDomain: try TrustDomain("spiffe.test"), bundleEndpointURL: "https://spiffe.test:8443",
          profile: .httpsSPIFFE(endpointID: try SPIFFEID("spiffe://spiffe.test/spire/server"))),
        FederationRelationship(
          trustDomain: try TrustDomain("web.test"), bundleEndpointURL: "https://web.test/bundle", profile: .httpsWeb),
      ])
    let json = """
      {"server": {"trust_domain": "example.org", "data_dir": "/d", "bind_address": "127.0.0.1", "federation":
        {"federates_with": {"web.test": {"bundle_endpoint_url": "https://web.test/bundle",
          "bundle_endpoint_profile": [{"https_web": {}}]}}}},
       "plugins": {"DataStore": [{"sql": {"plugin_data": {"database_type": "sqlite3", "connection_string": "x"}}}],
         "KeyManager": [{"memory": {"plugin_data": {}}}]}}
      """
    #expect(try serverConfiguration(json).federatesWith.map(\.trustDomain.name) == ["web.test"])
  }

  @Test func whatIsWrongIsNamed() throws {
    let rows: [(String, String)] = [
      (
        "federates_with \"t\" { bundle_endpoint_profile \"https_web\" {} }",
        "federation.federates_with[\"t\"].bundle_endpoint_url must be configured"
      ),
      (
        "federates_with \"t\" { bundle_endpoint_url = \"http://x\" bundle_endpoint_profile \"https_web\" {} }",
        "federation.federates_with[\"t\"].bundle_endpoint_url must use the HTTPS protocol; URL found: \"http://x\""
      ),
      (
        "federates_with \"t\" { bundle_endpoint_url = \"https://a@x\" bundle_endpoint_profile \"https_web\" {} }",
        "federation.federates_with[\"t\"].bundle_endpoint_url must not contain user info; URL found: \"https://a@x\""
      ),
      (
        "federates_with \"t\" { bundle_endpoint_url = \"https://x\" }",
        "federation configuration for trust domain \"t\": missing bundle endpoint configuration"
      ),
      (
        "federates_with \"t\" { bundle_endpoint_url = \"https://x\" bundle_endpoint_profile {} }",
        "error parsing federation relationship for trust domain \"t\": exactly one bundle endpoint profile is expected"
      ),
      (
        "federates_with \"t\" { bundle_endpoint_url = \"https://x\" bundle_endpoint_profile \"https_web\" {} bundle_endpoint_profile \"https_spiffe\" { endpoint_spiffe_id = \"spiffe://t/x\" } }",
        "error parsing federation relationship for trust domain \"t\": exactly one bundle endpoint profile is expected"
      ),
      (
        "federates_with \"t\" { bundle_endpoint_url = \"https://x\" bundle_endpoint_profile \"other\" {} }",
        "error parsing federation relationship for trust domain \"t\": no bundle endpoint profile defined; current supported profiles are \"https_spiffe\" and 'https_web\""
      ),
      (
        "federates_with \"example.org\" { bundle_endpoint_url = \"https://x\" bundle_endpoint_profile \"https_web\" {} }",
        "federation.federates_with[\"example.org\"]: this is the server's own trust domain"
      ),
    ]
    for (block, text) in rows { #expect(try problems(block) == [text]) }
    let noID = try problems(
      "federates_with \"t\" { bundle_endpoint_url = \"https://x\" bundle_endpoint_profile \"https_spiffe\" {} }")
    #expect(
      noID.first?.hasPrefix(
        "error parsing federation relationship for trust domain \"t\": could not get endpoint SPIFFE ID: ") == true)
    let badName = try problems(
      "federates_with \"T T\" { bundle_endpoint_url = \"https://x\" bundle_endpoint_profile \"https_web\" {} }")
    #expect(badName.first?.hasPrefix("federation.federates_with[\"T T\"]: could not parse trust domain: ") == true)
  }
}
