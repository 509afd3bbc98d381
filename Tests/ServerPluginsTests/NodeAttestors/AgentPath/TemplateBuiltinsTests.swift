import Testing

@testable import ServerPlugins

/// Go's own functions in agent path templates. What is expected is what Go and sprig 3.3 make of the same template.
@Suite struct TemplateBuiltinsTests {
  @Test(arguments: [
    ("{{ eq 1 1 }}", "true"),
    ("{{ eq 1 2 3 1 }}", "true"),
    ("{{ eq nil nil }}", "true"),
    (#"{{ eq "a" nil }}"#, "false"),
    (#"{{ ne "a" "b" }}"#, "true"),
    ("{{ lt 1 2 }}", "true"),
    (#"{{ lt "a" "b" }}"#, "true"),
    ("{{ le 2 2 }}", "true"),
    ("{{ gt 2 1 }}", "true"),
    ("{{ ge 1 2 }}", "false"),
    ("{{ and 1 0 2 }}", "0"),
    ("{{ and 1 2 }}", "2"),
    (#"{{ or 0 "" "x" }}"#, "x"),
    (#"{{ or 0 "" }}"#, ""),
    ("{{ not 0 }}", "true"),
    (#"{{ not "a" }}"#, "false"),
    (#"{{ or true (fail "never") }}"#, "true"),
    (#"{{ and false (fail "never") }}"#, "false"),
    (#"{{ len "äb" }}"#, "3"),
    ("{{ len (list 1 2) }}", "2"),
    ("{{ len .URISanSelectors }}", "2"),
    ("{{ index (list 1 2) 1 }}", "2"),
    ("{{ index (list (list 1 2)) 0 1 }}", "2"),
    (#"{{ index .URISanSelectors "none" | printf "%q" }}"#, "\"\""),
    (#"{{ index (dict "a" 1) "a" }}"#, "1"),
    (#"{{ index (dict "a" 1) "b" | printf "%v" }}"#, "<nil>"),
    (#"{{ index "abc" 1 }}"#, "98"),
    (#"{{ print "a" 1 2 "b" 3 }}"#, "a1 2b3"),
    ("{{ print 1 2 }}", "1 2"),
    ("{{ print }}", ""),
    (#"{{ println "a" 1 }}"#, "a 1\n"),
    (#"{{ printf "%s" "a" }}"#, "a"),
    (#"{{ printf "%d|%5d|%-5d|%05d|%+d|% d" 3 3 3 3 3 3 }}"#, "3|    3|3    |00003|+3| 3"),
    (
      #"{{ printf "%x %X %o %b %c %q %U %#x %#o %O" 255 255 8 5 65 65 65 255 8 8 }}"#,
      "ff FF 10 101 A 'A' U+0041 0xff 010 0o10"
    ),
    (#"{{ printf "%5s|%-5s|%.2s|%q|%x|%X" "ab" "ab" "abc" "a\"b" "hi" "hi" }}"#, "   ab|ab   |ab|\"a\\\"b\"|6869|6869"),
    (#"{{ printf "%t %v" true false }}"#, "true false"),
    (
      #"{{ printf "%f %.2f %e %g %8.3f %v" 1.5 1.5 1.5 1e21 3.14159 0.1 }}"#,
      "1.500000 1.50 1.500000e+00 1e+21    3.142 0.1"
    ),
    (#"{{ printf "%d" "a" }}"#, "%!d(string=a)"),
    (#"{{ printf "%s" 1 }}"#, "%!s(int=1)"),
    (#"{{ printf "%s" nil }}"#, "%!s(<nil>)"),
    (#"{{ printf "%v" nil }}"#, "<nil>"),
    (#"{{ printf "%d" }}"#, "%!d(MISSING)"),
    (#"{{ printf "a" 1 "b" }}"#, "a%!(EXTRA int=1, string=b)"),
    (#"{{ printf "%" }}"#, "%!(NOVERB)"),
    (#"{{ printf "%%" }}"#, "%"),
    (#"{{ printf "%z" 1 }}"#, "%!z(int=1)"),
    (#"{{ printf "%v %s %d" (list 1 "a") (list "x" "y") (list 1 2) }}"#, "[1 a] [x y] [1 2]"),
    (#"{{ printf "%v" (dict "a" 1) }}"#, "map[a:1]"),
    (#"{{ printf "%T %T %T %T %T" 1 "a" 1.5 true nil }}"#, "int string float64 bool <nil>"),
    (#"{{ printf "%[2]s %[1]s" "a" "b" }}"#, "b a"),
    (#"{{ printf "%[3]s" "a" }}"#, "%!s(BADINDEX)"),
    (#"{{ printf "%*d" 5 3 }}"#, "    3"),
    (#"{{ printf "%x %v" .SubjectKeyId .SubjectKeyId }}"#, "01abff [1 171 255]"),
    (#"{{ printf "%6.2f|%-8.1f|%08.2f|%+.1f" 3.14159 2.5 2.5 2.5 }}"#, "  3.14|2.5     |00002.50|+2.5"),
    (#"{{ printf "%03d|%.3d|%8.3d" -5 5 5 }}"#, "-05|005|     005"),
    (#"{{ html "<a href='x'>&\"" }}"#, "&lt;a href=&#39;x&#39;&gt;&amp;&#34;"),
    (#"{{ js "it's <b> \"x\" \\ = \n ä" }}"#, "it\\'s \\u003Cb\\u003E \\\"x\\\" \\\\ \\u003D \\u000A ä"),
    (#"{{ urlquery "a b/c&d=ä" }}"#, "a+b%2Fc%26d%3D%C3%A4"),
    ("{{ html 1 2 }}", "1 2"),
    (#"{{ printf "%05d|%-5s|%6.1f" "ab" 1 true }}"#, "%!d(string=000ab)|%!s(int=1    )|%!f(bool=  true)"),
    ("{{ 100000000.0 }} {{ 1000000.0 }} {{ 999999.5 }} {{ 123456789.25 }}", "1e+08 1e+06 999999.5 1.2345678925e+08"),
  ]) func results(_ template: String, _ expected: String) throws {
    #expect(Array(try TemplateFixture.text(template).utf8) == Array(expected.utf8), "\(template)")
  }

  @Test(arguments: [
    #"{{ eq "a" 1 }}"#,
    "{{ eq 1 1.0 }}",
    "{{ eq (list 1) (list 1) }}",
    "{{ eq 1 }}",
    #"{{ lt 1 "a" }}"#,
    "{{ lt true false }}",
    "{{ or }}",
    "{{ len 3 }}",
    "{{ len nil }}",
    "{{ index (list 1 2) 2 }}",
    #"{{ index "abc" 3 }}"#,
    "{{ index nil 1 }}",
    #"{{ index (list 1) "a" }}"#,
    "{{ index .URISanSelectors 1 }}",
    "{{ index 3 1 }}",
    "{{ call 1 }}",
  ]) func failures(_ template: String) {
    #expect(throws: TemplateError.self, "\(template)") { try TemplateFixture.text(template) }
  }
}
