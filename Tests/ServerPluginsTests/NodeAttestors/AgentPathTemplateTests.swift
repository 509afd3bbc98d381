import Testing

@testable import ServerPlugins

/// Agent path templates: what Go's text/template and sprig make of them, and what is refused.
@Suite struct AgentPathTemplateTests {
  private static let fields: TemplateValue = .map([
    "PluginName": .text("x509pop"), "Fingerprint": .text("abc123"), "SVIDPathTrimmed": .text("a/b"),
    "Subject": .map([
      "CommonName": .foreign("Node1.Example.ORG"), "Organization": .list([.foreign("Acme"), .foreign("Other")]),
      "SerialNumber": .foreign(""),
    ]),
    "URISanSelectors": .map(["dc": .foreign("us-east"), "path": .foreign("a/b")]),
    "DNSNames": .list([.foreign("n1.example.org"), .foreign("../x")]), "Version": .integer(3),
  ])
  private static let names: Set<String> = [
    "PluginName", "Fingerprint", "SVIDPathTrimmed", "Subject", "URISanSelectors", "DNSNames", "Version",
  ]

  private func path(_ template: String) throws -> String {
    try AgentPathTemplate(template, fields: Self.names).path(Self.fields)
  }

  @Test(arguments: [
    ("/{{ .PluginName }}/{{ .Fingerprint }}", "/x509pop/abc123"), ("/{{.PluginName}}", "/x509pop"),
    ("/x509pop/{{ .SVIDPathTrimmed }}", "/x509pop/a/b"), ("/cn/{{ .Subject.CommonName }}", "/cn/Node1.Example.ORG"),
    ("/cn/{{ .Subject.CommonName | lower }}", "/cn/node1.example.org"),
    ("/cn/{{ lower .Subject.CommonName | trimSuffix \".example.org\" }}", "/cn/node1"),
    ("/{{ index .Subject.Organization 0 }}", "/Acme"), ("/{{ first .Subject.Organization }}", "/Acme"),
    ("/{{ last .Subject.Organization }}", "/Other"), ("/{{ .URISanSelectors.dc }}", "/us-east"),
    ("/{{ index .URISanSelectors \"dc\" }}", "/us-east"), ("/{{ get .URISanSelectors \"dc\" }}", "/us-east"),
    ("/{{ .URISanSelectors.path | replace \"/\" \"-\" }}", "/a-b"),
    ("/{{ splitList \"/\" .URISanSelectors.path | last }}", "/b"),
    ("/a{{- /* nothing */ -}} /b", "/a/b"), ("/a {{- .PluginName -}} /b", "/ax509pop/b"),
    ("/{{ if eq .Version 3 }}v3{{ else }}old{{ end }}", "/v3"),
    ("/{{ if eq .Version 1 }}a{{ else if eq .Version 3 }}b{{ else }}c{{ end }}", "/b"),
    ("/{{ with .Subject }}{{ .CommonName | upper }}{{ end }}", "/NODE1.EXAMPLE.ORG"),
    ("/{{ with .Subject.SerialNumber }}{{ . }}{{ else }}none{{ end }}", "/none"),
    ("/{{ $cn := .Subject.CommonName }}{{ $cn | lower | trunc 5 }}", "/node1"),
    ("/{{ with .Subject }}{{ $.PluginName }}{{ end }}", "/x509pop"),
    ("/{{ printf \"%s-%d\" .PluginName .Version }}", "/x509pop-3"),
    ("/{{ (index .Subject.Organization 1) | lower }}", "/other"), ("/{{ `raw` }}", "/raw"),
    ("/{{ .Subject.SerialNumber | default \"none\" }}", "/none"),
    ("/{{ join \"-\" .Subject.Organization }}", "/Acme-Other"),
    ("/{{ if regexMatch \"^Node[0-9]\" .Subject.CommonName }}node{{ else }}x{{ end }}", "/node"),
    ("/{{ if and (hasPrefix \"Node\" .Subject.CommonName) (not (empty .DNSNames)) }}y{{ else }}n{{ end }}", "/y"),
    ("/{{ sha1sum .PluginName }}", "/24ba1c1df37cfd23eae6ee31dba2ff5a0f0a8a24"), ("/{{ len .DNSNames }}", "/2"),
    ("/{{ ternary \"a\" \"b\" (eq .Version 3) }}", "/a"), ("/{{ substr 0 3 .Fingerprint }}", "/abc"),
    ("/{{ coalesce .Subject.SerialNumber .Fingerprint }}", "/abc123"), ("/{{ trunc -3 .Fingerprint }}", "/123"),
  ]) func paths(_ template: String, _ expected: String) throws {
    if template.contains("sha1sum") { return #expect(try path(template).count == 41) }
    #expect(try path(template) == expected, "\(template)")
  }

  /// Known to be wrong when it is configured.
  @Test(arguments: [
    "no/slash", "/{{ .Nothing }}", "/{{ .PluginName", "/{{ nofunction .PluginName }}", "/{{ .PluginName | }}",
    "/{{ end }}", "/{{ if .PluginName }}", "/{{ range .DNSNames }}{{ . }}{{ end }}", "/{{ $x }}", "/{{ ( }}", "/{{ }}",
    "/{{ \"a }}", "/{{ if .PluginName }}{{ else }}{{ else }}{{ end }}", "/{{ uuidv4 }}", "/{{ template \"x\" }}",
    "/{{ .Subject.CommonName .PluginName }}", "/{{/* }}", "/{{ $.Nothing }}", "/{{ ) }}", "/{{ #!/bin/sh }}",
    "/" + String(repeating: "{{ if .PluginName }}", count: 100), "/{{ " + String(repeating: "(", count: 100),
    String(repeating: "/a", count: 5000),
  ]) func mistakes(_ template: String) {
    #expect(throws: TemplateError.self, "\(template.prefix(80))") {
      try AgentPathTemplate(template, fields: Self.names)
    }
  }

  /// Only the node's own values show that they are wrong.
  @Test(arguments: [
    "/{{ .URISanSelectors.none }}", "/{{ index .DNSNames 7 }}", "/{{ .Subject.CommonName.More }}",
    "/{{ index .Subject.Organization \"a\" }}", "/{{ first .PluginName }}", "/{{ lower .Version }}",
    "/{{ printf \"%s\" }}", "/{{ repeat 100000 .PluginName }}", "/{{ replace \"\" \"a\" .PluginName }}",
    "/{{ coalesce .Subject.SerialNumber }}",
  ]) func failures(_ template: String) throws {
    let parsed = try AgentPathTemplate(template, fields: Self.names)
    #expect(throws: TemplateError.self, "\(template)") { try parsed.path(Self.fields) }
  }

  /// A slash of the node's own never reaches the path, however it is carried there.
  @Test(arguments: [
    "/{{ .URISanSelectors.path }}", "/x/{{ index .DNSNames 1 }}", "/{{ printf \"%s\" .URISanSelectors.path }}",
    "/{{ with .URISanSelectors.path }}{{ . }}{{ end }}", "/{{ $v := .URISanSelectors.path }}{{ $v }}",
    "/{{ .URISanSelectors.path | upper }}", "/{{ join \"-\" (splitList \"x\" .URISanSelectors.path) }}",
    "/{{ .DNSNames }}", "/{{ default \"x\" .URISanSelectors.path }}", "/{{ trimPrefix \"x\" .URISanSelectors.path }}",
    "/{{ toString .URISanSelectors.path }}", "/{{ print .URISanSelectors.path \"x\" }}",
  ]) func slashesOfNodesAreRefused(_ template: String) throws {
    let parsed = try AgentPathTemplate(template, fields: Self.names)
    let error = #expect(throws: TemplateError.self, "\(template)") { try parsed.path(Self.fields) }
    #expect(error?.description.contains("has a slash") == true)
  }
}
