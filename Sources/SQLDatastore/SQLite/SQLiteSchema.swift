/// The schema, version 25, in SQLite's words.
///
/// SPIRE: the texts are those in the `sqlite_master` of the established server's databases, to the last blank, so that
/// a database made by either looks the same. A test compares them.
enum SQLiteSchema {
  static let statements: [String] = [
    """
    CREATE TABLE "federated_registration_entries" ("bundle_id" integer,"registered_entry_id" integer,\
     PRIMARY KEY ("bundle_id","registered_entry_id"))
    """,
    """
    CREATE TABLE "bundles" ("id" integer primary key autoincrement,"created_at" datetime,\
    "updated_at" datetime,"trust_domain" varchar(255) NOT NULL,"data" blob )
    """,
    """
    CREATE TABLE "attested_node_entries" ("id" integer primary key autoincrement,"created_at" datetime,\
    "updated_at" datetime,"spiffe_id" varchar(255),"data_type" varchar(255),"serial_number" varchar(255),\
    "expires_at" datetime,"new_serial_number" varchar(255),"new_expires_at" datetime,"can_reattest" bool,\
    "agent_version" varchar(255) )
    """,
    """
    CREATE TABLE "attested_node_entries_events" ("id" integer primary key autoincrement,\
    "created_at" datetime,"updated_at" datetime,"spiffe_id" varchar(255) )
    """,
    """
    CREATE TABLE "node_resolver_map_entries" ("id" integer primary key autoincrement,"created_at" datetime,\
    "updated_at" datetime,"spiffe_id" varchar(255),"type" varchar(255),"value" varchar(255) )
    """,
    """
    CREATE TABLE "registered_entries" ("id" integer primary key autoincrement,"created_at" datetime,\
    "updated_at" datetime,"entry_id" varchar(255),"spiffe_id" varchar(255),"parent_id" varchar(255),\
    "ttl" integer,"admin" bool,"downstream" bool,"expiry" bigint,"revision_number" bigint,"store_svid" bool,\
    "hint" varchar(255),"jwt_svid_ttl" integer,"additional_attributes" blob )
    """,
    """
    CREATE TABLE "registered_entries_events" ("id" integer primary key autoincrement,"created_at" datetime,\
    "updated_at" datetime,"entry_id" varchar(255) )
    """,
    """
    CREATE TABLE "join_tokens" ("id" integer primary key autoincrement,"created_at" datetime,\
    "updated_at" datetime,"token" varchar(255),"expiry" bigint )
    """,
    """
    CREATE TABLE "selectors" ("id" integer primary key autoincrement,"created_at" datetime,\
    "updated_at" datetime,"registered_entry_id" integer,"type" varchar(255),"value" varchar(255) )
    """,
    """
    CREATE TABLE "migrations" ("id" integer primary key autoincrement,"created_at" datetime,\
    "updated_at" datetime,"version" integer,"code_version" varchar(255) )
    """,
    """
    CREATE TABLE "dns_names" ("id" integer primary key autoincrement,"created_at" datetime,\
    "updated_at" datetime,"registered_entry_id" integer,"value" varchar(255) )
    """,
    """
    CREATE TABLE "federated_trust_domains" ("id" integer primary key autoincrement,"created_at" datetime,\
    "updated_at" datetime,"trust_domain" varchar(255) NOT NULL,"bundle_endpoint_url" varchar(255),\
    "bundle_endpoint_profile" varchar(255),"endpoint_spiffe_id" varchar(255),"implicit" bool )
    """,
    """
    CREATE TABLE "ca_journals" ("id" integer primary key autoincrement,"created_at" datetime,\
    "updated_at" datetime,"data" blob,"active_x509_authority_id" varchar(255),\
    "active_jwt_authority_id" varchar(255) )
    """,
    "CREATE UNIQUE INDEX uix_bundles_trust_domain ON \"bundles\"(trust_domain) ",
    "CREATE INDEX idx_attested_node_entries_expires_at ON \"attested_node_entries\"(expires_at) ",
    "CREATE UNIQUE INDEX uix_attested_node_entries_spiffe_id ON \"attested_node_entries\"(spiffe_id) ",
    "CREATE UNIQUE INDEX idx_node_resolver_map ON \"node_resolver_map_entries\"(spiffe_id, \"type\", \"value\") ",
    "CREATE INDEX idx_registered_entries_expiry ON \"registered_entries\"(\"expiry\") ",
    "CREATE INDEX idx_registered_entries_hint ON \"registered_entries\"(\"hint\") ",
    "CREATE INDEX idx_registered_entries_spiffe_id ON \"registered_entries\"(spiffe_id) ",
    "CREATE INDEX idx_registered_entries_parent_id ON \"registered_entries\"(parent_id) ",
    "CREATE UNIQUE INDEX uix_registered_entries_entry_id ON \"registered_entries\"(entry_id) ",
    "CREATE UNIQUE INDEX uix_join_tokens_token ON \"join_tokens\"(\"token\") ",
    "CREATE INDEX idx_selectors_type_value ON \"selectors\"(\"type\", \"value\") ",
    "CREATE UNIQUE INDEX idx_selector_entry ON \"selectors\"(registered_entry_id, \"type\", \"value\") ",
    "CREATE UNIQUE INDEX idx_dns_entry ON \"dns_names\"(registered_entry_id, \"value\") ",
    "CREATE UNIQUE INDEX uix_federated_trust_domains_trust_domain ON \"federated_trust_domains\"(trust_domain) ",
    "CREATE INDEX idx_ca_journals_active_x509_authority_id ON \"ca_journals\"(active_x509_authority_id) ",
    "CREATE INDEX idx_ca_journals_active_jwt_authority_id ON \"ca_journals\"(active_jwt_authority_id) ",
    "CREATE INDEX idx_federated_registration_entries_registered_entry_id "
      + "ON \"federated_registration_entries\"(registered_entry_id) ",
  ]
}
