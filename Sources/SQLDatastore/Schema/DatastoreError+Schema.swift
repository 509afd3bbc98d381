import DatastoreAPI

extension DatastoreError {
  /// A value that the schema of a database whose migration is disabled cannot hold.
  static func schemaTooOld(_ what: String, _ schema: SchemaFeatures) -> DatastoreError {
    .sql(
      .failedPrecondition,
      "the database has schema version \(schema.version), which cannot store \(what); unset disable_migration")
  }
}
