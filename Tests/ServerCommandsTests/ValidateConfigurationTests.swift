import CommandTesting
import Foundation
import Testing

@testable import ServerCommands

/// `validate`: what is wrong with the file, and what is wrong with a plugin (server-cli §7).
@Suite struct ValidateConfigurationTests {
  private func validate(server: String = "", plugins: String) async throws -> Outcome {
    try await withTemporaryFolder { folder in
      let text = """
        server {
          trust_domain = "example.org"
          data_dir = "/nonexistent"
          bind_address = "127.0.0.1"
          log_file = "/dev/null"
          \(server)
        }
        plugins {
          \(plugins)
        }
        """
      let path = folder + "/server.conf"
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      var outcome = await run("validate", more: ["-config", path])
      outcome.stderr = outcome.stderr.replacingOccurrences(of: path, with: "FILE")
      return outcome
    }
  }

  private static let sql =
    #"DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = "/nonexistent/x" } }"#

  @Test func aGoodFileIsValidAndNothingIsOpened() async throws {
    let plugins = Self.sql + "\nKeyManager \"disk\" { plugin_data { keys_path = \"/nonexistent/keys.json\" } }"
    #expect(try await validate(plugins: plugins) == .success("SPIRE server configuration file is valid.\n"))
  }

  @Test func faultsOfTheFileComeFirst() async throws {
    let outcome = try await validate(server: "ca_ttl = \"x\"", plugins: Self.sql)
    #expect(outcome.code == 1 && outcome.stdout == "")
    #expect(outcome.stderr.hasPrefix("SPIRE server configuration file is invalid: could not parse default CA ttl"))
    #expect(!outcome.stderr.contains("Validation errors"))
  }

  @Test(arguments: [
    (
      "KeyManager \"disk\" { plugin_data {} }",
      "\tKeyManager \"disk\":\n\t\tkeymanager(disk): keys_path is required\n"
    ),
    (
      "KeyManager \"memory\" { plugin_data { x = 1 } }",
      "\tKeyManager \"memory\":\n\t\tno supported configuration interface found\n"
    ),
    (
      "KeyManager \"disk\" { plugin_data_file = \"/nonexistent.conf\" }",
      "\tKeyManager \"disk\":\n\t\tplugin_data_file /nonexistent.conf: no such file (FILE:10)\n"
    ),
    (
      "",
      "\tplugins:\n\t\tplugin type \"KeyManager\" constraint not satisfied: expected exactly 1 but got 0\n"
        + "\t\tat FILE:8:9 (plugins)\n"
    ),
    (
      "KeyManager \"my.own\" {}",
      "\tKeyManager \"my.own\":\n\t\tno built-in plugin \"my.own\" for type \"KeyManager\"\n"
        + "\t\tat FILE:10:1 (plugins.KeyManager.my.own)\n"
    ),
    (
      "KeyManager \"memory\" { enabled = false }\nKeyManager \"disk\" { plugin_data { keys_path = \"k\" } }\nFoo \"bar\" {}",
      "\tFoo \"bar\":\n\t\tunsupported plugin type \"Foo\"\n\t\tat FILE:12:1 (plugins.Foo.bar)\n"
    ),
  ])
  func faultsOfPlugins(_ keyManager: String, _ block: String) async throws {
    let outcome = try await validate(plugins: Self.sql + "\n" + keyManager)
    #expect(outcome.code == 1 && outcome.stdout == "")
    #expect(outcome.stderr == "SPIRE server configuration file is invalid.\nValidation errors:\n" + block)
  }

  @Test func theDatastoreIsAPluginToo() async throws {
    let plugins = """
      DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = "x" conn_max_lifetime = "y" } }
      KeyManager "memory" {}
      """
    let outcome = try await validate(plugins: plugins)
    #expect(
      outcome.stderr.hasPrefix(
        "SPIRE server configuration file is invalid.\nValidation errors:\n\tDataStore \"sql\":\n\t\tdatastore-sql: failed to "
      ))
  }
}
