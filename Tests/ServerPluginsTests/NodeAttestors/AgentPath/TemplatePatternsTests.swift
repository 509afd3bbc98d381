import Testing

@testable import ServerPlugins

/// Regular expressions in agent path templates. What is expected is what Go and sprig 3.3 make of the same template.
@Suite struct TemplatePatternsTests {
  @Test(arguments: [
    (#"{{ regexMatch "^[A-Za-z0-9._%+-]+@[a-z]+$" "test@acme" }}"#, "true"),
    (#"{{ regexMatch "(" "a" }}"#, "false"),
    (#"{{ mustRegexMatch "b+" "abbc" }}"#, "true"),
    (#"{{ regexFind "[a-zA-Z][1-9]" "abcd1234" }}"#, "d1"),
    (#"{{ regexFind "x" "abc" | printf "%q" }}"#, "\"\""),
    (#"{{ regexFind "a|ab" "ab" }}"#, "a"),
    (#"{{ regexFind "ab|a" "ab" }}"#, "ab"),
    (#"{{ regexFind "a+?" "aaa" }}"#, "a"),
    (#"{{ regexFind "(?U)a+" "aaa" }}"#, "a"),
    (#"{{ regexFind "(?U)a+?" "aaa" }}"#, "aaa"),
    (#"{{ regexFind "(|a)+" "aaa" | printf "%q" }}"#, "\"\""),
    (#"{{ regexFind "(a|)*" "aaa" | printf "%q" }}"#, "\"aaa\""),
    (#"{{ regexFind "(|a)*" "aaa" | printf "%q" }}"#, "\"\""),
    (#"{{ regexFind "(a*)+b" "aab" }}"#, "aab"),
    (#"{{ regexFind "a{2,3}?" "aaaa" }}"#, "aa"),
    (#"{{ regexFind "x*" "axx" | printf "%q" }}"#, "\"\""),
    (#"{{ mustRegexFind "\\d+" "ab12c" }}"#, "12"),
    (#"{{ regexFindAll "[2,4,6,8]" "123456789" -1 }}"#, "[2 4 6 8]"),
    (#"{{ regexFindAll "[2,4,6,8]" "123456789" 2 }}"#, "[2 4]"),
    (#"{{ regexFindAll "a" "aaa" 0 }}"#, "[]"),
    (#"{{ regexFindAll "x*" "axxb" -1 | printf "%q" }}"#, "[\"\" \"xx\" \"\"]"),
    (#"{{ regexFindAll "" "ab" -1 | len }}"#, "3"),
    (#"{{ regexFindAll "a*" "baac" -1 | printf "%q" }}"#, "[\"\" \"aa\" \"\"]"),
    (#"{{ mustRegexFindAll "b" "abab" -1 }}"#, "[b b]"),
    (#"{{ regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W" }}"#, "-W-xxW-"),
    (#"{{ regexReplaceAll "a(x*)b" "-ab-axxb-" "$1W" }}"#, "---"),
    (#"{{ regexReplaceAll "a(?P<m>x*)b" "-ab-axxb-" "<$m>$$" }}"#, "-<>$-<xx>$-"),
    (#"{{ regexReplaceAll "x*" "axxb" "-" }}"#, "-a-b-"),
    (#"{{ regexReplaceAll "^" "ab" "-" }}"#, "-ab"),
    (#"{{ regexReplaceAll "$" "ab" "-" }}"#, "ab-"),
    (#"{{ regexReplaceAll "b" "abc" "$" }}"#, "a$c"),
    (#"{{ regexReplaceAll "(b)(x)?" "abc" "[$2$1$0$3]" }}"#, "a[bb]c"),
    (#"{{ regexReplaceAll "[^a-z]+" "Node1.Example" "-" }}"#, "-ode-xample"),
    (#"{{ mustRegexReplaceAll "a" "banana" "o" }}"#, "bonono"),
    (#"{{ regexReplaceAllLiteral "a(x*)b" "-ab-axxb-" "${1}" }}"#, "-${1}-${1}-"),
    (#"{{ mustRegexReplaceAllLiteral "a" "banana" "$1" }}"#, "b$1n$1n$1"),
    (#"{{ regexSplit "z+" "pizza" -1 }}"#, "[pi a]"),
    (#"{{ regexSplit "a*" "abaabaccadaaae" 5 | printf "%q" }}"#, "[\"\" \"b\" \"b\" \"c\" \"cadaaae\"]"),
    (#"{{ regexSplit "," "" -1 | printf "%q" }}"#, "[\"\"]"),
    (#"{{ regexSplit "" "abc" -1 | printf "%q" }}"#, "[\"a\" \"b\" \"c\"]"),
    (#"{{ regexSplit "" "" -1 | printf "%q" }}"#, "[]"),
    (#"{{ regexSplit "," "a,b,c" 0 | len }}"#, "0"),
    (#"{{ regexSplit "," "a,b,c" 2 | printf "%q" }}"#, "[\"a\" \"b,c\"]"),
    (#"{{ regexSplit "," "a,b," -1 | printf "%q" }}"#, "[\"a\" \"b\" \"\"]"),
    (#"{{ mustRegexSplit "," ",a" -1 | printf "%q" }}"#, "[\"\" \"a\"]"),
    (#"{{ regexQuoteMeta "1.2.3" }}"#, "1\\.2\\.3"),
    (#"{{ regexQuoteMeta "a[b]\\$^-/" }}"#, "a\\[b\\]\\\\\\$\\^-/"),
    (#"{{ regexReplaceAll "(a)|(b)" "ab" "<$1$2>" }}"#, "<a><b>"),
    (#"{{ regexReplaceAll "(?i)NODE(\\d)" "nOde7x" "n-${1}" }}"#, "n-7x"),
    (#"{{ regexReplaceAll "ä" "aäb" "-" }}"#, "a-b"),
  ]) func results(_ template: String, _ expected: String) throws {
    #expect(Array(try TemplateFixture.text(template).utf8) == Array(expected.utf8), "\(template)")
  }

  @Test(arguments: [
    #"{{ mustRegexMatch "(" "a" }}"#,
    #"{{ regexFind "(" "abc" }}"#,
    #"{{ mustRegexFindAll "[" "abab" -1 }}"#,
  ]) func failures(_ template: String) {
    #expect(throws: TemplateError.self, "\(template)") { try TemplateFixture.text(template) }
  }
}
