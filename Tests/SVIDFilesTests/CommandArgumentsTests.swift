import Daemon
import Glibc
import Testing

@testable import SVIDFiles

/// `cmd_args` as spiffe-helper reads it; the cases are those of its documentation, and the edges of Go's CSV reader.
@Suite struct CommandArgumentsTests {
  @Test(arguments: [
    ("", []),
    ("-c hello", ["-c", "hello"]),
    ("\"this is one argument\"", ["this is one argument"]),
    ("\"with ONE double-quote \"\" in it\"", ["with ONE double-quote \" in it"]),
    ("-c 'echo hello world'", ["-c", "'echo", "hello", "world'"]),
    ("-c \"echo hello\" end", ["-c", "echo hello", "end"]),
    ("a  b", ["a", "", "b"]),
    ("a ", ["a", ""]),
    (" a", ["", "a"]),
    ("\"\"", [""]),
    ("\"\" a", ["", "a"]),
    ("a\nb", ["a"]),
    ("\n\na b\n", ["a", "b"]),
    ("\"two\nlines\" a", ["two\nlines", "a"]),
    ("ä ö", ["ä", "ö"]),
  ])
  func splits(_ text: String, _ arguments: [String]) throws {
    #expect(try CommandArguments.split(text) == arguments)
  }

  @Test(arguments: ["a\"b", "a \"b", "\"a\"b", "\"a", "\n"]) func refuses(_ text: String) {
    #expect(throws: SVIDFileError(.configuration, "")) { _ = try CommandArguments.split(text) }
  }

  @Test func signalsHaveNames() throws {
    #expect(try SignalName.number("SIGUSR1") == SIGUSR1 && SignalName.number("SIGHUP") == SIGHUP)
    for wrong in ["", "USR1", "sigusr1", "1", "SIGRTMIN"] {
      #expect(throws: SVIDFileError(.configuration, "")) { _ = try SignalName.number(wrong) }
    }
  }
}
