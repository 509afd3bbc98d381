/// How to get into a database of Amazon RDS with IAM: the block of `database_type "aws_postgres"` or `"aws_mysql"`.
package struct AWSDatabaseAccess: Hashable, Sendable {
  /// `region`
  package var region: String
  /// `access_key_id`; empty to find it as AWS's tools do.
  package var accessKeyID: String
  /// `secret_access_key`
  package var secretAccessKey: String

  package init(region: String, accessKeyID: String = "", secretAccessKey: String = "") {
    self.region = region
    self.accessKeyID = accessKeyID
    self.secretAccessKey = secretAccessKey
  }
}
