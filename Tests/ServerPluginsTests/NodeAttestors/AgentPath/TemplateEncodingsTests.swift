import Testing

@testable import ServerPlugins

/// Paths, encodings and URLs in agent path templates. What is expected is what Go and sprig 3.3 make of the same template.
@Suite struct TemplateEncodingsTests {
  @Test(arguments: [
    (#"{{ base "foo/bar/baz" }}"#, "baz"),
    (#"{{ base "" }}"#, "."),
    (#"{{ base "///" }}"#, "/"),
    (#"{{ base "a//" }}"#, "a"),
    (#"{{ dir "foo/bar/baz" }}"#, "foo/bar"),
    (#"{{ dir "a" }}"#, "."),
    (#"{{ dir "" }}"#, "."),
    (#"{{ dir "/" }}"#, "/"),
    (#"{{ dir "/a" }}"#, "/"),
    (#"{{ dir "a/b//" }}"#, "a/b"),
    (#"{{ clean "foo/bar/../baz" }}"#, "foo/baz"),
    (#"{{ clean "" }}"#, "."),
    (#"{{ clean "/../a/./b//c/" }}"#, "/a/b/c"),
    (#"{{ clean "../../a/../.." }}"#, "../../.."),
    (#"{{ clean "a/../.." }}"#, ".."),
    (#"{{ ext "foo.bar" }}"#, ".bar"),
    (#"{{ ext "a.b/c" }}"#, ""),
    (#"{{ ext "a.tar.gz" }}"#, ".gz"),
    (#"{{ ext "." }}"#, "."),
    (#"{{ isAbs "/a" }}"#, "true"),
    (#"{{ isAbs "a" }}"#, "false"),
    (#"{{ isAbs "" }}"#, "false"),
    (#"{{ b64enc "hello" }}"#, "aGVsbG8="),
    (#"{{ b64enc "" }}"#, ""),
    (#"{{ b64enc "a" }}"#, "YQ=="),
    (#"{{ b64enc "\xff\xfe?" }}"#, "//4/"),
    (#"{{ b64dec "aGVsbG8=" }}"#, "hello"),
    (#"{{ b64dec "" }}"#, ""),
    (#"{{ b64dec "YQ==" }}"#, "a"),
    (#"{{ b64dec "YQ" }}"#, "illegal base64 data at input byte 0"),
    (#"{{ b64dec "YQ=" }}"#, "illegal base64 data at input byte 3"),
    (#"{{ b64dec "!" }}"#, "illegal base64 data at input byte 0"),
    (#"{{ b64dec "YWJj!" }}"#, "illegal base64 data at input byte 4"),
    (#"{{ b64dec "YW\nJj" }}"#, "abc"),
    (#"{{ b64dec "YQ==YQ==" }}"#, "illegal base64 data at input byte 4"),
    (#"{{ b64dec "YWJjZ" }}"#, "illegal base64 data at input byte 4"),
    (#"{{ b64dec "YR==" }}"#, "a"),
    (#"{{ b32enc "hello" }}"#, "NBSWY3DP"),
    (#"{{ b32enc "a" }}"#, "ME======"),
    (#"{{ b32enc "" }}"#, ""),
    (#"{{ b32dec "NBSWY3DP" }}"#, "hello"),
    (#"{{ b32dec "ME======" }}"#, "a"),
    (#"{{ b32dec "ME" }}"#, "illegal base32 data at input byte 0"),
    (#"{{ b32dec "me======" }}"#, "illegal base32 data at input byte 0"),
    (#"{{ b32dec "MFRA====" }}"#, "ab"),
    (#"{{ b32dec "MFRGG===" }}"#, "abc"),
    (#"{{ b32dec "MFRGGZA=" }}"#, "abcd"),
    (
      #"{{ $u := urlParse "http://admin:secret@server.com:8080/api?list=false#anchor" }}{{ $u.scheme }} {{ $u.host }} {{ $u.hostname }} {{ $u.path }} {{ $u.query }} {{ $u.opaque }} {{ $u.fragment }} {{ $u.userinfo }}"#,
      "http server.com:8080 server.com /api list=false  anchor admin:secret"
    ),
    (
      #"{{ urlParse "mailto:a@b.c" }}"#,
      "map[fragment: host: hostname: opaque:a@b.c path: query: scheme:mailto userinfo:]"
    ),
    (#"{{ urlParse "//h/p%20q" }}"#, "map[fragment: host:h hostname:h opaque: path:/p q query: scheme: userinfo:]"),
    (#"{{ urlParse "/p?" }}"#, "map[fragment: host: hostname: opaque: path:/p query: scheme: userinfo:]"),
    (#"{{ urlParse "" }}"#, "map[fragment: host: hostname: opaque: path: query: scheme: userinfo:]"),
    (#"{{ urlParse "*" }}"#, "map[fragment: host: hostname: opaque: path:* query: scheme: userinfo:]"),
    (#"{{ urlParse "a:b/c" }}"#, "map[fragment: host: hostname: opaque:b/c path: query: scheme:a userinfo:]"),
    (
      #"{{ urlParse "http://[::1]:80/x" }}"#,
      "map[fragment: host:[::1]:80 hostname:::1 opaque: path:/x query: scheme:http userinfo:]"
    ),
    (
      #"{{ urlParse "spiffe://td/a/b" }}"#,
      "map[fragment: host:td hostname:td opaque: path:/a/b query: scheme:spiffe userinfo:]"
    ),
    (
      #"{{ urlParse "HTTP://Host/" }}"#,
      "map[fragment: host:Host hostname:Host opaque: path:/ query: scheme:http userinfo:]"
    ),
    (#"{{ urlParse "http://u@h" }}"#, "map[fragment: host:h hostname:h opaque: path: query: scheme:http userinfo:u]"),
    (
      #"{{ urlParse "http://u:p%40:x@h" }}"#,
      "map[fragment: host:h hostname:h opaque: path: query: scheme:http userinfo:u:p%40%3Ax]"
    ),
    (#"{{ urlParse "///a" }}"#, "map[fragment: host: hostname: opaque: path:///a query: scheme: userinfo:]"),
    (#"{{ urlParse "http:/a" }}"#, "map[fragment: host: hostname: opaque: path:/a query: scheme:http userinfo:]"),
    (
      #"{{ urlJoin (dict "fragment" "fragment" "host" "host:80" "path" "/path" "query" "query" "scheme" "http") }}"#,
      "http://host:80/path?query#fragment"
    ),
    (#"{{ urlJoin (dict "host" "h" "path" "p q") }}"#, "//h/p%20q"),
    (#"{{ urlJoin (dict "path" "a:b") }}"#, "./a:b"),
    (#"{{ urlJoin (dict "scheme" "mailto" "opaque" "a@b") }}"#, "mailto:a@b"),
    (#"{{ urlJoin (dict "userinfo" "u:pw" "host" "h" "scheme" "https") }}"#, "https://u:pw@h"),
    ("{{ urlJoin (dict) }}", ""),
    (#"{{ urlJoin (dict "scheme" "http") }}"#, "http:"),
    (#"{{ urlJoin (dict "path" "/a?b#c" "fragment" "x y" "query" "q=1&r") }}"#, "/a%3Fb%23c?q=1&r#x%20y"),
  ]) func results(_ template: String, _ expected: String) throws {
    #expect(Array(try TemplateFixture.text(template).utf8) == Array(expected.utf8), "\(template)")
  }

  @Test(arguments: [
    #"{{ urlParse "1a:b" }}"#,
    #"{{ urlParse ":b" }}"#,
    #"{{ urlParse "http://[::1" }}"#,
    #"{{ urlParse "http://h:x/" }}"#,
    #"{{ urlParse "http://h%20/" }}"#,
    #"{{ urlParse "http://h/%zz" }}"#,
    #"{{ urlParse "http://a b/" }}"#,
    #"{{ urlParse "a\x01" }}"#,
    #"{{ urlJoin (dict "userinfo" "u:p w" "host" "h") }}"#,
    #"{{ urlJoin (dict "host" 1) }}"#,
  ]) func failures(_ template: String) {
    #expect(throws: TemplateError.self, "\(template)") { try TemplateFixture.text(template) }
  }
}
