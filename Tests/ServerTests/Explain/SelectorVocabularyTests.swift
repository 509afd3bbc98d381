import DatastoreAPI
import SPIFFE
import Testing

@testable import Server

/// What is said of selectors that nobody has.
@Suite struct SelectorVocabularyTests {
  private func codes(
    _ selectors: [String], parent: String = "/host", storeSVID: Bool = false, parentIsAgent: Bool = false
  ) throws -> [String] {
    try findings(selectors, parent: parent, storeSVID: storeSVID, parentIsAgent: parentIsAgent).map(\.code)
  }

  private func findings(
    _ selectors: [String], parent: String = "/host", storeSVID: Bool = false, parentIsAgent: Bool = false
  ) throws -> [Finding] {
    let entry = RegistrationEntry(
      spiffeID: try SPIFFEID("spiffe://example.org/web"), parentID: try SPIFFEID("spiffe://example.org" + parent),
      selectors: selectors.map { text in
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        return Selector(type: parts[0], value: parts.count > 1 ? parts[1] : "")
      }, storeSVID: storeSVID)
    return SelectorVocabulary.findings(for: entry, parentIsAgent: parentIsAgent)
  }

  @Test(arguments: [
    "unix:uid:0", "unix:uid:1000", "unix:user:www-data", "unix:supplementary_gid:5", "unix:path:/usr/bin/x",
    "unix:sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "k8s:ns:default", "k8s:sa:web",
    "k8s:pod-label:app:web", "k8s:pod-image:docker.io/x:1@sha256:00", "docker:label:a:b", "docker:env:A=B",
    "docker:image_id:nginx:1", "systemd:id:nginx.service", "slurm:job_id:7",
    "k8s:image-signature-subject:someone",
  ])
  func workloadSelectorsThatAttestorsProduce(_ selector: String) throws {
    #expect(try codes([selector]) == [])
    #expect(try codes([selector], parent: "/spire/server") == ["selector_of_workload"])
  }

  @Test(arguments: [
    "k8s_psat:cluster:c", "k8s_psat:agent_node_label:a:b", "aws_iid:tag:a:b", "aws_iid:sg:id:x", "gcp_iit:zone:z",
    "azure_msi:vm-name:rg:v", "azure_imds:vm-tag:a:b", "x509pop:subject:cn:host", "tpm_devid:issuer:cn:x",
    "http_challenge:hostname:h",
  ])
  func nodeSelectorsThatAttestorsProduce(_ selector: String) throws {
    #expect(try codes([selector], parent: "/spire/server") == [])
    #expect(try codes([selector]) == ["selector_of_node"])
  }

  @Test(
    arguments: [
      ("unix:uid:www-data", "selector_value_malformed", "for a name, write unix:user:www-data"),
      ("unix:gid:staff", "selector_value_malformed", "for a name, write unix:group:staff"),
      ("unix:uid:007", "selector_value_malformed", "for a name, write unix:user:007"),
      ("unix:uid:-1", "selector_value_malformed", "for a name, write unix:user:-1"),
      ("unix:uid:", "selector_value_malformed", "write unix:uid:VALUE"),
      ("unix:uid", "selector_value_malformed", "write unix:uid:VALUE"),
      (
        "unix:path:bin/x", "selector_value_malformed",
        "write the path that `readlink /proc/PID/exe` shows for the workload"
      ),
      ("unix:sha256:ABC", "selector_value_malformed", "write what `sha256sum` shows for the executable"),
      ("k8s:pod-label:app", "selector_value_malformed", "write k8s:pod-label:app:VALUE"),
      ("unix:userid:1", "selector_key_unknown", nil),
      ("unx:uid:1", "selector_type_unknown", "did you mean unix:uid:1?"),
      ("myattestor:x:1", "selector_type_unknown", "correct the type, unless a plugin of your own produces it"),
      ("join_token:x", "selector_type_unknown", "correct the type, unless a plugin of your own produces it"),
    ] as [(String, String, String?)])
  func mistakes(_ selector: String, _ code: String, _ advice: String?) throws {
    let found = try findings([selector])
    #expect(found.map(\.code) == [code])
    if let advice { #expect(found.first?.advice == advice) }
  }

  @Test func theNearestKeyIsNamed() throws {
    let advice = try findings(["unix:usr:x"]).first?.advice ?? ""
    #expect(advice.hasPrefix("did you mean unix:user? It knows gid, group, path"))
  }

  @Test func selectorsOfAnAgentsOwnID() throws {
    #expect(try codes(["spiffe_id:spiffe://example.org/spire/agent/x"], parent: "/spire/server") == [])
    #expect(
      try codes(["spiffe_id:x"], parent: "/spire/agent/join_token/x", parentIsAgent: true) == [])
    #expect(try codes(["spiffe_id:x"]) == ["selector_of_node"])
  }

  @Test func aStoredSVIDNamesAPluginOfAnyName() throws {
    #expect(try codes(["vault:path:x"], storeSVID: true) == [])
  }

  @Test func aSelectorGivenTwice() throws {
    #expect(try codes(["unix:uid:1", "unix:uid:1"]) == ["selector_twice"])
  }
}
