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
    // Slashes that are there only when something has been decoded or encoded.
    "Encoded": .foreign("Li4veA=="), "Escaped": .foreign("h%2Fx"), "Foreign": .foreign("?~?~?~>?"),
    "Key": .bytes([0x61, 0x2F]), "Slashed": .map(["a/b": .foreign("")]),
  ])
  private static let names: Set<String> = [
    "PluginName", "Fingerprint", "SVIDPathTrimmed", "Subject", "URISanSelectors", "DNSNames", "Version", "Encoded",
    "Escaped",
    "Foreign", "Key", "Slashed",
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
    "/{{ end }}", "/{{ if .PluginName }}", "/{{ range .DNSNames }}", "/{{ $x }}", "/{{ ( }}", "/{{ }}",
    "/{{ \"a }}", "/{{ if .PluginName }}{{ else }}{{ else }}{{ end }}", "/{{ env }}", "/{{ template \"x\" }}",
    "/{{ now }}",
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
    "/{{ index .Subject.Organization \"a\" }}", "/{{ fail .PluginName }}", "/{{ first .PluginName }}",
    "/{{ lower .Version }}",
    "/{{ repeat 100000 .PluginName }}", "/{{ range 1000000 }}a{{ end }}",
    "/{{ coalesce .Subject.SerialNumber }}",
  ]) func failures(_ template: String) throws {
    let parsed = try AgentPathTemplate(template, fields: Self.names)
    #expect(throws: TemplateError.self, "\(template)") { try parsed.path(Self.fields) }
  }

  /// What is newer in Go than most of its functions.
  @Test(arguments: [
    ("/{{ with .Subject.SerialNumber }}a{{ else with .Version }}{{ . }}{{ end }}", "/3"),
    ("/{{ with \"\" }}a{{ else with 0 }}b{{ else }}{{ .PluginName }}{{ end }}", "/x509pop"),
    ("/{{ range 3 }}{{ . }}{{ end }}", "/012"), ("/{{ range $i := 2 }}{{ $i }}-{{ end }}", "/0-1-"),
    ("/{{ range 0 }}a{{ else }}b{{ end }}", "/b"),
  ]) func newerSyntax(_ template: String, _ expected: String) throws {
    #expect(try path(template) == expected)
  }

  @Test func uuidsAreNewOnes() throws {
    let template = try AgentPathTemplate("/{{ uuidv4 }}", fields: Self.names)
    let first = try template.path(Self.fields)
    #expect(first.wholeMatch(of: /\/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil)
    #expect(try template.path(Self.fields) != first)
  }

  /// Every function of server-plugins §4, and Go's own.
  @Test func allFunctionsAreThere() {
    let names = """
      abbrev abbrevboth trunc trim trimAll trimPrefix trimSuffix upper lower title untitle substr repeat nospace initials \
      swapcase snakecase camelcase kebabcase wrap wrapWith contains hasPrefix hasSuffix quote squote cat indent nindent \
      replace plural sha1sum sha256sum adler32sum toString toStrings seq splitList join sortAlpha default empty coalesce \
      all any compact mustCompact ternary base dir clean ext isAbs b64enc b64dec b32enc b32dec tuple list dict get set \
      unset hasKey pluck keys pick omit merge mergeOverwrite mustMerge mustMergeOverwrite values append push mustAppend \
      mustPush prepend mustPrepend first mustFirst rest mustRest last mustLast initial mustInitial reverse mustReverse uniq \
      mustUniq without mustWithout has mustHas slice mustSlice concat dig chunk mustChunk uuidv4 fail regexMatch \
      mustRegexMatch regexFindAll mustRegexFindAll regexFind mustRegexFind regexReplaceAll mustRegexReplaceAll \
      regexReplaceAllLiteral mustRegexReplaceAllLiteral regexSplit mustRegexSplit regexQuoteMeta urlParse urlJoin \
      and call html index js len not or print printf println urlquery eq ge gt le lt ne
      """.split(separator: " ").map(String.init)
    #expect(TemplateFunctions.table.keys.sorted() == names.sorted())
  }

  /// A template's work ends, whatever it does.
  @Test(arguments: [
    "/{{ range 300 }}{{ range 300 }}{{ range 300 }}{{ end }}{{ end }}{{ end }}",
    "/{{ $l := list }}{{ range 100 }}{{ $l = list $l }}{{ end }}",
    "/{{ $l := list 1 }}{{ range 40 }}{{ $l = concat $l $l }}{{ end }}",
    "/{{ $l := list 1 }}{{ range 30 }}{{ $l = list $l $l }}{{ end }}{{ $l }}",
    "/{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ $d }}",
    "/{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ has $d (list (dict \"d\" $d)) }}{{ $d }}",
    "/{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}",
    "/{{ $t := repeat 8000 \"a\" }}{{ regexFindAll \"(a*)*(a*)*b|(a?){500}b\" $t -1 }}",
    "/{{ $t := repeat 8000 \"a\" }}{{ range 1000 }}{{ $t = upper $t }}{{ end }}",
    "/{{ $t := \"a\" }}{{ range 20 }}{{ $t = print $t $t }}{{ end }}", "/{{ indent 100000 \"a\" }}",
    "/{{ printf \"%100000d\" 1 }}", "/{{ seq 1 1000000000 }}", "/{{ wrapWith 1 (repeat 4000 \"x\") \"abcdef\" }}",
    "/{{ replace \"\" (repeat 4000 \"x\") \"abcdef\" }}", "/{{ regexReplaceAll \"\" \"abcdef\" (repeat 4000 \"x\") }}",
    "/{{ sha1sum (join (repeat 8000 \"x\") (splitList \"\" (repeat 8000 \"x\"))) }}",
  ]) func workIsBounded(_ template: String) throws {
    let parsed = try AgentPathTemplate(template, fields: Self.names)
    #expect(throws: TemplateError.self) { try parsed.path(Self.fields) }
  }

  /// A slash that an operator writes is the operator's, whatever stands beside it.
  @Test(arguments: [
    ("/{{ printf \"%s/%s\" .Subject.CommonName .Fingerprint }}", "/Node1.Example.ORG/abc123"),
    ("/{{ join \"/\" .Subject.Organization }}", "/Acme/Other"),
    ("/{{ splitList \"/\" .URISanSelectors.path | join \"-\" }}", "/a-b"),
    ("/{{ replace \".\" \"/\" .Subject.CommonName }}", "/Node1/Example/ORG"),
    ("/{{ b64enc \"\\xff\\xff\\xff\" }}", "/////"), ("/{{ (urlParse \"http://h/a/b\").path }}", "//a/b"),
    ("/{{ base .URISanSelectors.path }}", "/b"),
    ("/{{ range $k, $v := .URISanSelectors }}{{ $k }}={{ replace \"/\" \"_\" $v }};{{ end }}", "/dc=us-east;path=a_b;"),
  ]) func slashesOfOperatorsStay(_ template: String, _ expected: String) throws {
    #expect(try path(template) == expected)
  }

  /// A slash of the node's own never reaches the path, however it is carried there.
  @Test(arguments: [
    "/{{ .URISanSelectors.path }}", "/x/{{ index .DNSNames 1 }}", "/{{ printf \"%s\" .URISanSelectors.path }}",
    "/{{ with .URISanSelectors.path }}{{ . }}{{ end }}", "/{{ $v := .URISanSelectors.path }}{{ $v }}",
    "/{{ .URISanSelectors.path | upper }}", "/{{ join \"-\" (splitList \"x\" .URISanSelectors.path) }}",
    "/{{ .DNSNames }}", "/{{ default \"x\" .URISanSelectors.path }}", "/{{ trimPrefix \"x\" .URISanSelectors.path }}",
    "/{{ toString .URISanSelectors.path }}", "/{{ print .URISanSelectors.path \"x\" }}",
    "/{{ range .DNSNames }}{{ . }}{{ end }}",
    "/{{ define \"t\" }}{{ . }}{{ end }}{{ template \"t\" .URISanSelectors.path }}",
    "/{{ b64enc .URISanSelectors.path | b64dec }}", "/{{ b64dec .Encoded }}",
    "/{{ b32enc .URISanSelectors.path | b32dec }}",
    "/{{ lower .Encoded | upper | print | b64dec | print }}{{ b64dec .Encoded }}",
    "/{{ $d := dict \"a\" .URISanSelectors.path }}{{ $d.a }}", "/{{ dict .URISanSelectors.path 1 | keys | first }}",
    "/{{ values .URISanSelectors | last }}", "/{{ range $k, $v := .Slashed }}{{ $k }}{{ end }}",
    "/{{ keys .Slashed | first }}",
    "/{{ (urlParse .Escaped).path }}", "/{{ urlJoin (dict \"host\" .Subject.CommonName \"scheme\" \"https\") }}",
    "/{{ printf \"%c\" (index .URISanSelectors.path 1) }}", "/{{ regexFind \".*\" .URISanSelectors.path }}",
    "/{{ regexReplaceAll \"(.*)\" .URISanSelectors.path \"$1\" }}",
    "/{{ regexSplit \"x\" .URISanSelectors.path -1 | first }}",
    "/{{ merge (dict) .URISanSelectors | values | last }}", "/{{ pick .URISanSelectors \"path\" | values | first }}",
    "/{{ dig \"path\" \"x\" .URISanSelectors }}", "/{{ cat .URISanSelectors.path }}",
    "/{{ quote .URISanSelectors.path }}",
    "/{{ dir .URISanSelectors.path | printf \"%s/\" | print .URISanSelectors.path }}",
    "/{{ html .URISanSelectors.path }}",
    "/{{ toString .Key }}", "/{{ printf \"%s\" .Key }}", "/{{ slice .DNSNames 1 | join \"\" }}",
    "/{{ b64enc .Foreign }}",
    "/{{ concat .DNSNames (list) | last }}", "/{{ ternary .URISanSelectors.path \"b\" true }}",
    "/{{ wrap 3 .URISanSelectors.path }}",
  ]) func slashesOfNodesAreRefused(_ template: String) throws {
    let parsed = try AgentPathTemplate(template, fields: Self.names)
    let error = #expect(throws: TemplateError.self, "\(template)") { try parsed.path(Self.fields) }
    #expect(error?.description.contains("has a slash") == true)
  }
}
