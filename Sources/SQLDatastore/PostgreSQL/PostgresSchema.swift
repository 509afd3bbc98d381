/// The schema, version 25, in PostgreSQL's words.
///
/// SPIRE: columns, types, their order and the names of indexes are those that the established server makes (server-behaviour
/// §11.2), so that either can work on a database of the other. A test compares them with what the database says.
enum PostgresSchema {
  static let statements: [String] =
    [
      table(
        "federated_registration_entries", "bundle_id integer, registered_entry_id integer",
        key: "bundle_id, registered_entry_id", hasTimes: false),
      table("bundles", "trust_domain \(text) NOT NULL, data bytea"),
      table(
        "attested_node_entries",
        """
        spiffe_id \(text), data_type \(text), serial_number \(text), expires_at \(time), \
        new_serial_number \(text), new_expires_at \(time), can_reattest boolean, agent_version \(text)
        """),
      table("attested_node_entries_events", "spiffe_id \(text)"),
      table("node_resolver_map_entries", "spiffe_id \(text), type \(text), value \(text)"),
      table(
        "registered_entries",
        """
        entry_id \(text), spiffe_id \(text), parent_id \(text), ttl integer, admin boolean, downstream boolean, \
        expiry bigint, revision_number bigint, store_svid boolean, hint \(text), jwt_svid_ttl integer, \
        additional_attributes bytea
        """),
      table("registered_entries_events", "entry_id \(text)"),
      table("join_tokens", "token \(text), expiry bigint"),
      table("selectors", "registered_entry_id integer, type \(text), value \(text)"),
      table("migrations", "version integer, code_version \(text)"),
      table("dns_names", "registered_entry_id integer, value \(text)"),
      table(
        "federated_trust_domains",
        """
        trust_domain \(text) NOT NULL, bundle_endpoint_url \(text), bundle_endpoint_profile \(text), \
        endpoint_spiffe_id \(text), implicit boolean
        """),
      table("ca_journals", "data bytea, active_x509_authority_id \(text), active_jwt_authority_id \(text)"),
    ] + indexes

  private static let text = "varchar(255)"
  private static let time = "timestamp with time zone"

  private static func table(_ name: String, _ columns: String, key: String = "id", hasTimes: Bool = true) -> String {
    let first = hasTimes ? "id serial, created_at \(time), updated_at \(time), " : ""
    return "CREATE TABLE \"\(name)\" (\(first)\(columns), PRIMARY KEY (\(key)))"
  }

  private static let indexes = [
    "CREATE UNIQUE INDEX uix_bundles_trust_domain ON bundles (trust_domain)",
    "CREATE INDEX idx_attested_node_entries_expires_at ON attested_node_entries (expires_at)",
    "CREATE UNIQUE INDEX uix_attested_node_entries_spiffe_id ON attested_node_entries (spiffe_id)",
    "CREATE UNIQUE INDEX idx_node_resolver_map ON node_resolver_map_entries (spiffe_id, type, value)",
    "CREATE INDEX idx_registered_entries_expiry ON registered_entries (expiry)",
    "CREATE INDEX idx_registered_entries_hint ON registered_entries (hint)",
    "CREATE INDEX idx_registered_entries_spiffe_id ON registered_entries (spiffe_id)",
    "CREATE INDEX idx_registered_entries_parent_id ON registered_entries (parent_id)",
    "CREATE UNIQUE INDEX uix_registered_entries_entry_id ON registered_entries (entry_id)",
    "CREATE UNIQUE INDEX uix_join_tokens_token ON join_tokens (token)",
    "CREATE INDEX idx_selectors_type_value ON selectors (type, value)",
    "CREATE UNIQUE INDEX idx_selector_entry ON selectors (registered_entry_id, type, value)",
    "CREATE UNIQUE INDEX idx_dns_entry ON dns_names (registered_entry_id, value)",
    "CREATE UNIQUE INDEX uix_federated_trust_domains_trust_domain ON federated_trust_domains (trust_domain)",
    "CREATE INDEX idx_ca_journals_active_x509_authority_id ON ca_journals (active_x509_authority_id)",
    "CREATE INDEX idx_ca_journals_active_jwt_authority_id ON ca_journals (active_jwt_authority_id)",
    "CREATE INDEX idx_federated_registration_entries_registered_entry_id "
      + "ON federated_registration_entries (registered_entry_id)",
  ]
}
