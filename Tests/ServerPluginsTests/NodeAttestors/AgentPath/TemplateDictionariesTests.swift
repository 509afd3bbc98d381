import Testing

@testable import ServerPlugins

/// Functions on dictionaries in agent path templates. What is expected is what Go and sprig 3.3 make of the same template.
@Suite struct TemplateDictionariesTests {
  @Test(arguments: [
    (#"{{ dict "a" 1 "b" (dict "c" 2) }}"#, "map[a:1 b:map[c:2]]"),
    (#"{{ dict "a" }}"#, "map[a:]"),
    ("{{ dict 1 2 }}", "map[1:2]"),
    ("{{ dict }}", "map[]"),
    (#"{{ get (dict "a" 1) "a" }}"#, "1"),
    (#"{{ get (dict "a" 1) "b" | printf "%q" }}"#, "\"\""),
    (#"{{ $d := dict "a" 1 }}{{ $_ := set $d "b" 2 }}{{ $d }}"#, "map[a:1 b:2]"),
    (#"{{ set (dict "a" 1) "a" nil }}"#, "map[a:<nil>]"),
    (#"{{ unset (dict "a" 1 "b" 2) "a" }}"#, "map[b:2]"),
    (#"{{ unset (dict "a" 1) "x" }}"#, "map[a:1]"),
    (#"{{ hasKey (dict "a" nil) "a" }}"#, "true"),
    (#"{{ hasKey (dict) "a" }}"#, "false"),
    (#"{{ pluck "a" (dict "a" 1) (dict "b" 2) (dict "a" 3) }}"#, "[1 3]"),
    (#"{{ pluck "a" }}"#, "[]"),
    (#"{{ keys (dict "b" 1 "a" 2) | sortAlpha }}"#, "[a b]"),
    ("{{ keys | len }}", "0"),
    (#"{{ keys (dict "a" 1) (dict "a" 2) | sortAlpha }}"#, "[a a]"),
    (#"{{ values (dict "a" 1) }}"#, "[1]"),
    ("{{ values (dict) }}", "[]"),
    (#"{{ pick (dict "a" 1 "b" 2 "c" 3) "a" "c" "x" }}"#, "map[a:1 c:3]"),
    (#"{{ omit (dict "a" 1 "b" 2 "c" 3) "a" "c" "x" }}"#, "map[b:2]"),
    (#"{{ merge (dict "a" 1) (dict "a" 2 "b" 3) (dict "b" 4 "c" 5) }}"#, "map[a:1 b:3 c:5]"),
    (#"{{ merge (dict "a" 0 "e" "") (dict "a" 2 "e" "x" "n" nil) }}"#, "map[a:2 e:x]"),
    (#"{{ merge (dict "a" (dict "x" 1)) (dict "a" (dict "x" 2 "y" 3)) }}"#, "map[a:map[x:1 y:3]]"),
    (#"{{ merge (dict "a" (dict)) (dict "a" (dict "x" 2)) }}"#, "map[a:map[x:2]]"),
    (#"{{ merge (dict "a" (list 1)) (dict "a" (list 2)) }}"#, "map[a:[1]]"),
    (#"{{ merge (dict "a" (list)) (dict "a" (list 2)) }}"#, "map[a:[2]]"),
    (#"{{ merge (dict "a" "x") (dict "a" (dict "y" 1)) }}"#, "map[a:x]"),
    (#"{{ merge (dict "a" (dict "y" 1)) (dict "a" "x") }}"#, "map[a:map[y:1]]"),
    (#"{{ merge (dict "a" nil) (dict "a" 1) }}"#, "map[a:1]"),
    (#"{{ mustMerge (dict) (dict "a" 1) }}"#, "map[a:1]"),
    (#"{{ mergeOverwrite (dict "a" 1 "z" 9) (dict "a" 2 "b" 3) }}"#, "map[a:2 b:3 z:9]"),
    (#"{{ mergeOverwrite (dict "a" 1 "b" "x") (dict "a" 0 "b" "") }}"#, "map[a:0 b:]"),
    (#"{{ mergeOverwrite (dict "a" (dict "x" 1 "z" 3)) (dict "a" (dict "x" 2)) }}"#, "map[a:map[x:2 z:3]]"),
    (#"{{ mergeOverwrite (dict "a" (list 1 2)) (dict "a" (list 3)) }}"#, "map[a:[3]]"),
    (#"{{ mergeOverwrite (dict "a" (list 1 2)) (dict "a" (list)) }}"#, "map[a:[]]"),
    (#"{{ mergeOverwrite (dict "a" 1) (dict "a" nil) }}"#, "map[a:<nil>]"),
    (#"{{ mergeOverwrite (dict "a" 1) (dict "a" (dict "b" 2)) }}"#, "map[a:map[b:2]]"),
    (#"{{ mergeOverwrite (dict "a" (dict "b" 2)) (dict "a" 1) }}"#, "map[a:1]"),
    (#"{{ mergeOverwrite (dict "a" (dict "b" 2)) (dict "a" (list 1)) }}"#, "map[a:[1]]"),
    (#"{{ mustMergeOverwrite (dict "a" 1) (dict "a" 2) }}"#, "map[a:2]"),
    (#"{{ dig "a" "b" "none" (dict "a" (dict "b" 1)) }}"#, "1"),
    (#"{{ dig "a" "c" "none" (dict "a" (dict "b" 1)) }}"#, "none"),
    (#"{{ dig "x" "c" "none" (dict "a" (dict "b" 1)) }}"#, "none"),
    (#"{{ dig "a" "d" (dict "a" 1) }}"#, "1"),
  ]) func results(_ template: String, _ expected: String) throws {
    #expect(Array(try TemplateFixture.text(template).utf8) == Array(expected.utf8), "\(template)")
  }

  @Test(arguments: [
    #"{{ dig "a" "b" "none" (dict "a" 1) }}"#,
    #"{{ dig "a" (dict "a" 1) }}"#,
    #"{{ fail "no way" }}"#,
  ]) func failures(_ template: String) {
    #expect(throws: TemplateError.self, "\(template)") { try TemplateFixture.text(template) }
  }
}
