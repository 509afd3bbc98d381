/// The schema, version 25, in MySQL's words.
///
/// SPIRE: tables, columns, keys and options as those that the established server makes; a test compares what
/// `SHOW CREATE TABLE` says. MySQL commits each of these statements by itself, so each makes a whole table and may run
/// twice; `bundles`, by which a database is known to have the schema, comes last.
enum MySQLSchema {
  static let statements: [String] = [
    table(
      "federated_registration_entries", columns: ["`bundle_id` int unsigned", "`registered_entry_id` int unsigned"],
      key: "`bundle_id`,`registered_entry_id`",
      indexes: ["KEY `idx_federated_registration_entries_registered_entry_id` (`registered_entry_id`)"]),
    table(
      "attested_node_entries",
      [
        text("spiffe_id"), text("data_type"), text("serial_number"), time("expires_at"), text("new_serial_number"),
        time("new_expires_at"), bool("can_reattest"), text("agent_version"),
      ],
      [
        "KEY `idx_attested_node_entries_expires_at` (`expires_at`)",
        "UNIQUE KEY `uix_attested_node_entries_spiffe_id` (`spiffe_id`)",
      ]),
    table("attested_node_entries_events", [text("spiffe_id")]),
    table(
      "node_resolver_map_entries", [text("spiffe_id"), text("type"), text("value")],
      ["UNIQUE KEY `idx_node_resolver_map` (`spiffe_id`,`type`,`value`)"]),
    table(
      "registered_entries",
      [
        text("entry_id"), text("spiffe_id"), text("parent_id"), "`ttl` int", bool("admin"), bool("downstream"),
        "`expiry` bigint", "`revision_number` bigint", bool("store_svid"), text("hint"), "`jwt_svid_ttl` int",
        "`additional_attributes` longblob",
      ],
      [
        "KEY `idx_registered_entries_spiffe_id` (`spiffe_id`)",
        "KEY `idx_registered_entries_parent_id` (`parent_id`)",
        "KEY `idx_registered_entries_expiry` (`expiry`)",
        "KEY `idx_registered_entries_hint` (`hint`)",
        "UNIQUE KEY `uix_registered_entries_entry_id` (`entry_id`)",
      ]),
    table("registered_entries_events", [text("entry_id")]),
    table(
      "join_tokens", [text("token"), "`expiry` bigint"], ["UNIQUE KEY `uix_join_tokens_token` (`token`)"]),
    table(
      "selectors", ["`registered_entry_id` int unsigned", text("type"), text("value")],
      [
        "KEY `idx_selectors_type_value` (`type`,`value`)",
        "UNIQUE KEY `idx_selector_entry` (`registered_entry_id`,`type`,`value`)",
      ]),
    table("migrations", ["`version` int", text("code_version")]),
    table(
      "dns_names", ["`registered_entry_id` int unsigned", text("value")],
      ["UNIQUE KEY `idx_dns_entry` (`registered_entry_id`,`value`)"]),
    table(
      "federated_trust_domains",
      [
        text("trust_domain") + " NOT NULL", text("bundle_endpoint_url"), text("bundle_endpoint_profile"),
        text("endpoint_spiffe_id"), bool("implicit"),
      ],
      ["UNIQUE KEY `uix_federated_trust_domains_trust_domain` (`trust_domain`)"]),
    table(
      "ca_journals", ["`data` longblob", text("active_x509_authority_id"), text("active_jwt_authority_id")],
      [
        "KEY `idx_ca_journals_active_x509_authority_id` (`active_x509_authority_id`)",
        "KEY `idx_ca_journals_active_jwt_authority_id` (`active_jwt_authority_id`)",
      ]),
    table(
      "bundles", [text("trust_domain") + " NOT NULL", "`data` longblob"],
      ["UNIQUE KEY `uix_bundles_trust_domain` (`trust_domain`)"]),
  ]

  /// The columns that hold texts, which MySQL compares without regard to case, accents and blanks at the end.
  static let textColumns: Set<String> = [
    "spiffe_id", "data_type", "serial_number", "new_serial_number", "agent_version", "type", "value", "entry_id",
    "parent_id", "hint", "token", "code_version", "trust_domain", "bundle_endpoint_url", "bundle_endpoint_profile",
    "endpoint_spiffe_id", "active_x509_authority_id", "active_jwt_authority_id",
  ]

  private static func text(_ name: String) -> String { "`\(name)` varchar(255)" }
  private static func time(_ name: String) -> String { "`\(name)` datetime NULL" }
  private static func bool(_ name: String) -> String { "`\(name)` tinyint(1)" }

  /// A table with the columns that nearly all have.
  private static func table(_ name: String, _ columns: [String], _ indexes: [String] = []) -> String {
    table(
      name, columns: ["`id` int unsigned AUTO_INCREMENT", time("created_at"), time("updated_at")] + columns,
      key: "`id`",
      indexes: indexes)
  }

  private static func table(_ name: String, columns: [String], key: String, indexes: [String]) -> String {
    let parts = (columns + ["PRIMARY KEY (\(key))"] + indexes).joined(separator: ",")
    return "CREATE TABLE IF NOT EXISTS `\(name)` (\(parts)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8"
  }
}
