import Flags
import Testing

@testable import ServerCommands

/// What is wrong with a command line is said before the server is asked.
@Suite struct ValidationTests {
  @Test(arguments: [
    ("entry create", "at least one selector is required"),
    ("entry create -selector a:b", "a parent ID is required if the node flag is not set"),
    ("entry create -selector a:b -node -federatesWith td", "node entries can not federate"),
    ("entry create -selector a:b -node", "a SPIFFE ID is required"),
    ("entry create -selector a:b -parentID spiffe://a/b", "a SPIFFE ID is required"),
    (
      "entry create -selector a:b -parentID spiffe://a/b -spiffeID spiffe://a/c -x509SVIDTTL -1",
      "a positive x509-SVID TTL is required"
    ),
    (
      "entry create -selector a:b -parentID spiffe://a/b -spiffeID spiffe://a/c -jwtSVIDTTL -1",
      "a positive JWT-SVID TTL is required"
    ),
    (
      "entry create -selector a:b -parentID spiffe://a/b -spiffeID web",
      "-spiffeID \"web\": scheme is missing or invalid"
    ),
    (
      "entry create -selector a:b -parentID spiffe://a/b -spiffeID spiffe://a/c -x509SVIDTTL 3000000000",
      "-x509SVIDTTL 3000000000: at most 2147483647 seconds are possible"
    ),
    ("entry update", "entry ID is required"),
    ("entry update -entryID e", "at least one selector is required"),
    ("entry update -entryID e -selector a:b", "a parent ID is required"),
    ("entry delete", "an entry ID is required"),
    ("entry show -entryID e -spiffeID spiffe://a/b", "the -entryID flag can't be combined with others"),
    ("entry show -entryID e -downstream", "the -entryID flag can't be combined with others"),
    (
      "entry show -selector nocolon",
      "error parsing selector \"nocolon\": selector \"nocolon\" must be formatted as type:value"
    ),
    ("entry show -selector a:b -matchSelectorsOn most", "match behavior \"most\" unknown"),
    ("entry count -federatesWith td -matchFederatesWithOn most", "match behavior \"most\" unknown"),
    ("agent show", "a SPIFFE ID is required"),
    ("agent ban", "a SPIFFE ID is required"),
    ("agent evict", "a SPIFFE ID is required"),
    ("agent list -selector a:b -matchSelectorsOn most", "unsupported match behavior"),
    ("bundle show -format der", "invalid format: \"der\""),
    ("bundle set", "id flag is required"),
    (
      "bundle set -id td -path /nowhere/b.pem",
      "unable to load bundle data: open /nowhere/b.pem: no such file or directory"
    ),
    ("bundle delete", "id is required"),
    ("bundle delete -id td -mode never", "unsupported mode \"never\""),
    ("jwt mint", "spiffeID must be specified"),
    ("jwt mint -spiffeID spiffe://a/b", "at least one audience must be specified"),
    ("x509 mint", "spiffeID must be specified"),
    ("federation create", "trust domain is required"),
    ("federation create -trustDomain td", "bundle endpoint URL is required"),
    (
      "federation create -trustDomain td -bundleEndpointURL https://td",
      "unknown bundle endpoint profile type: \"\""
    ),
    (
      "federation create -trustDomain td -bundleEndpointURL https://td -bundleEndpointProfile https_spiffe",
      "endpoint SPIFFE ID is required if 'https_spiffe' endpoint profile is set"
    ),
    (
      "federation update -data - -trustDomain td",
      "cannot use other flags to specify relationship fields when 'data' flag is set"
    ),
    ("federation show", "a trust domain name is required"),
    ("federation delete", "id is required"),
    ("federation refresh", "id is required"),
    ("localauthority x509 activate", "an authority ID is required"),
    ("localauthority jwt revoke", "an authority ID is required"),
    (
      "upstreamauthority taint", "the Subject Key ID of the X.509 upstream authority is required"
    ),
    ("logger set", "a value (-level) must be set"),
  ])
  func complaint(_ line: String, _ message: String) async {
    #expect(await run(line) == .failure(message))
  }

  @Test(arguments: [
    ("2026-11-21 20:10:45 +0000 UTC", false), ("2026-11-21 20:10:45 -0700 -07", true),
    ("2024-02-29 00:00:00 +0000 +00", true), ("2026-02-29 00:00:00 +0000 +00", false),
    ("2026-11-21 20:10:45 +2500 +00", false), ("2026-11-21", false), ("2026-11-21T20:10:45Z", false),
    ("2026-13-21 20:10:45 +0000 +00", false),
    ("2026-11-21 24:10:45 +0000 +00", false), ("", false),
  ])
  func expiryTimes(_ text: String, _ isValid: Bool) { #expect(ExpiryTime.isValid(text) == isValid) }

  @Test func aBadExpiryTimeIsRefused() async {
    let outcome = await run("agent count", more: ["-expiresBefore", "tomorrow"])
    #expect(outcome.stderr.hasPrefix("Error: date is not valid: parsing time \"tomorrow\""))
    #expect(outcome.code == 1)
  }

  @Test func flagFaultsPrintTheUsage() async {
    let unknown = await run("entry show -nope")
    #expect(unknown.code == 1)
    #expect(unknown.stderr.hasPrefix("flag provided but not defined: -nope\nUsage of entry show:\n"))
    let format = await run("entry show -output yaml")
    #expect(format.code == 1)
    #expect(format.stderr.contains("bad formatter flag: unknown format option: \"yaml\""))
  }

  @Test func healthcheckHasNoOutputFlag() async {
    #expect(await run("healthcheck -output json").stderr.hasPrefix("flag provided but not defined: -output\n"))
  }

  @Test(arguments: ServerCommandTree.commands.filter { !$0.value.isHidden }.keys.sorted())
  func everyCommandExplainsItself(_ name: String) async {
    let help = await run("\(name) -h")
    #expect(help.code == 0)
    #expect(help.stderr.hasPrefix("Usage of \(name):\n"))
    // Those of the stored state ask the configuration where it is.
    if !["backup", "restore"].contains(name) { #expect(help.stderr.contains("-socketPath string")) }
    #expect(help.stderr.hasSuffix("flag: help requested\n"))
  }
}
