import Testing

@testable import ServerPlugins

/// The syntax of Go's text/template in agent path templates. What is expected is what Go and sprig 3.3 make of the same template.
@Suite struct TemplateSyntaxTests {
  @Test(arguments: [
    ("{{ range .DNSNames }}[{{ . }}]{{ end }}", "[n1.example.org][../x]"),
    ("{{ range $i, $e := .DNSNames }}{{ $i }}={{ $e }};{{ end }}", "0=n1.example.org;1=../x;"),
    ("{{ range $e := .DNSNames }}{{ $e }};{{ end }}", "n1.example.org;../x;"),
    ("{{ range (list) }}a{{ else }}none{{ end }}", "none"),
    (#"{{ range $k, $v := dict "b" 1 "a" 2 }}{{ $k }}{{ $v }}{{ end }}"#, "a2b1"),
    ("{{ range $k, $v := .URISanSelectors }}{{ $k }}:{{ $v }},{{ end }}", "dc:us-east,path:a/b,"),
    (
      "{{ range list 1 2 3 4 }}{{ if eq . 2 }}{{ continue }}{{ end }}{{ if eq . 4 }}{{ break }}{{ end }}{{ . }}{{ end }}",
      "13"
    ),
    ("{{ $x := 1 }}{{ range list 2 3 }}{{ $x = . }}{{ end }}{{ $x }}", "3"),
    ("{{ $x := 1 }}{{ range list 2 3 }}{{ $x := . }}{{ end }}{{ $x }}", "1"),
    ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
    ("{{ if $y := 3 }}{{ $y }}{{ end }}", "3"),
    (#"{{ if 0 }}a{{ else if "" }}b{{ else if 1 }}c{{ else }}d{{ end }}"#, "c"),
    (#"{{ with $z := "v" }}{{ $z }}{{ . }}{{ end }}"#, "vv"),
    ("{{ with 0 }}a{{ else }}{{ .PluginName }}{{ end }}", "x509pop"),
    ("{{ with .Subject }}{{ .CommonName }}{{ $.PluginName }}{{ end }}", "Node1.Example.ORGx509pop"),
    (#"{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" 3 }}{{ template "t" .PluginName }}"#, "<3><x509pop>"),
    (#"{{ define "t" }}{{ $ }}{{ end }}{{ with 1 }}{{ template "t" 2 }}{{ end }}"#, "2"),
    (#"{{ block "b" .PluginName }}({{ . }}){{ end }}"#, "(x509pop)"),
    (#"{{ define "a" }}{{ end }}{{ define "a" }}y{{ end }}{{ template "a" }}"#, "y"),
    (#"{{ define "a" }}y{{ end }}{{ define "a" }} {{ end }}{{ template "a" }}"#, "y"),
    (
      #"{{ define "r" }}{{ if gt . 0 }}{{ . }}{{ template "r" (index (list 0 0 1 2 3) .) }}{{ end }}{{ end }}{{ template "r" 3 }}"#,
      "321"
    ),
    (#"{{- "a" -}} b {{- "c" }}"#, "abc"),
    ("a  {{- /* c */ -}}  b", "ab"),
    ("{{/* c */}}x", "x"),
    (#"{{ "a" -}}"#, "a"),
    ("{{ 3 -}} x", "3x"),
    ("{{ -3 }}", "-3"),
    (
      #"{{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 017 }} {{ 1_000 }} {{ 'a' }} {{ '\n' }} {{ 1e3 }} {{ 1.50 }} {{ .5 }} {{ +4 }} {{ 1e100 }}"#,
      "31 5 15 15 1000 97 10 1000 1.5 0.5 4 1e+100"
    ),
    (#"{{ "\x41\u00e4\101\t" }}"#, "AäA\t"),
    (#"{{ `a\n"b` }}"#, "a\\n\"b"),
    (#"{{ "a" | print "b" | print "c" }}"#, "cba"),
    (#"{{ (dict "a" (dict "b" 7)).a.b }}"#, "7"),
    ("{{ (index .DNSNames 0) | upper }}", "N1.EXAMPLE.ORG"),
    ("{{ print (print 1 2) (list) }}", "1 2[]"),
    ("{{ print list }}", "[]"),
    ("{{ .PluginName|upper }}", "X509POP"),
    ("{{ (.PluginName)|upper }}", "X509POP"),
    ("{{ print (1) }}", "1"),
    (#"{{ $ | printf "%T" | len | gt 0 }}"#, "false"),
    (#"{{ .DNSNames | first | splitList "." | last }}"#, "org"),
    ("{{ if and (eq .Version 3) (not .IsCA) }}y{{ end }}", "y"),
    ("{{ with .Subject.Organization }}{{ index . 1 }}{{ end }}", "Other"),
    ("{{ range $i, $o := .Subject.Organization }}{{ if $i }}-{{ end }}{{ $o | lower }}{{ end }}", "acme-other"),
    (#"{{ template "x" . }}{{ define "x" }}{{ .PluginName }}{{ end }}"#, "x509pop"),
    ("{{ eq 1 nil }}", "false"),
    (#"{{ printf "%v" (index (list (list "a" nil) ) 0) }}"#, "[a <nil>]"),
    (
      #"{{ printf "%s|%v|%d" .DNSNames .URISanSelectors (list 1 "a") }}"#,
      "[n1.example.org ../x]|map[dc:us-east path:a/b]|[1 %!d(string=a)]"
    ),
  ]) func results(_ template: String, _ expected: String) throws {
    #expect(Array(try TemplateFixture.text(template).utf8) == Array(expected.utf8), "\(template)")
  }

  @Test(arguments: [
    "{{ range nil }}a{{ else }}none{{ end }}",
    #"{{ range "abc" }}{{ . }}{{ end }}"#,
    "{{ range .Subject }}{{ . }}{{ end }}",
    #"{{ define "a" }}x{{ end }}{{ define "a" }}y{{ end }}{{ template "a" }}"#,
    #"{{ template "none" }}"#,
    "{{ /* c */ }}x",
    "{{ - 3 }}",
    "{{ .Subject.Nope }}",
    "{{ .URISanSelectors.nope }}",
    "{{ (dict).a }}",
    #"{{ "a".b }}"#,
    "{{ 1 | 2 }}",
    "{{ nil }}",
    "{{ true.x }}",
    "{{ $x := nil }}{{ $x }}",
    "{{ break }}",
    "{{ if true }}{{ else }}{{ else }}{{ end }}",
    "{{ range list 1 }}{{ else if 1 }}{{ end }}",
    "{{ $a, $b := 1 }}",
    "{{ $x = 1 }}",
    "{{ .PluginName.x }}",
    #"{{ .PluginName "a" }}"#,
    #"{{ "a""b" }}"#,
    #"{{ print"a" }}"#,
    #"{{ block "q" }}x{{ end }}"#,
    "{{ else }}",
    "{{ end }}",
    "{{ if true }}",
    "{{ }}",
    "{{ | }}",
    "{{ ( }}",
    "{{ ) }}",
    "{{ @ }}",
    #"{{ "a }}"#,
    "{{ 'ab' }}",
    "{{ 08 }}",
    "{{ 1x }}",
    "{{ a.b }}",
    "{{ define x }}{{ end }}",
    "{{ range $i, $j := 3 }}{{ end }}",
    "{{ $x.y }}",
    "{{ upper }}",
    #"{{ upper "a" "b" }}"#,
    "{{ upper 1 }}",
    "{{ upper nil }}",
    "{{ printf 1 }}",
  ]) func failures(_ template: String) {
    #expect(throws: TemplateError.self, "\(template)") { try TemplateFixture.text(template) }
  }
}
