import Console
import Daemon
package import SPIFFE
package import Server

/// How the outcome of `backup` is printed.
extension ServerBackup.Report: ProtoJSON {
  package var json: JSONValue {
    .object([
      "file": .string(file), "size": .int(size), "keys_included": .bool(manifest.keys != nil),
      "x509_authority": authority.map { .string($0) } ?? .null, "manifest": manifest.json,
    ])
  }

  var text: String {
    let keyLine =
      manifest.keys != nil
      ? "included; whoever has this file can sign any identity of \(manifest.trustDomain)"
      : "not included; they are in \(keys)"
    let authorityLine =
      authority ?? "none of this server's keys belongs to the database; restored with them, the server makes a new CA"
    return """
      Backup of trust domain \(manifest.trustDomain) written to \(file) (\(size) bytes)
      Database         : \(manifest.summary)
      Keys             : \(keyLine)
      X.509 authority  : \(authorityLine)

      """
  }
}

extension BackupManifest: ProtoJSON {
  package var json: JSONValue { (try? JSONValue(parsing: encoded)) ?? .null }

  var summary: String {
    "schema \(schemaVersion), \(count(entries, "entry", "entries")), \(count(agents, "agent", "agents")), "
      + "\(count(bundles, "bundle", "bundles")); every page checked"
  }

  private func count(_ number: Int, _ one: String, _ many: String) -> String {
    "\(number) \(number == 1 ? one : many)"
  }
}

/// The outcome of `restore`, and how it is printed.
struct RestoreResult: ProtoJSON {
  let report: ServerRestore.Report
  let isDryRun: Bool
  let config: String

  var json: JSONValue {
    .object([
      "restored": .bool(!isDryRun), "database": .string(report.databasePath),
      "keys": report.keysPath.map { .string($0) } ?? .null,
      "x509_authority": report.authority.map { .string($0) } ?? .null,
      "kept": .array(report.kept.map { .string($0) }),
      "removed_join_tokens": .int(Int64(report.removedJoinTokens)),
      "kept_agents": report.keptAgents.map { .int(Int64($0)) } ?? .null,
      "forgotten_bans": .array(report.forgottenBans.map { .string($0) }),
      "damage": report.damage.map { .string($0) } ?? .null, "manifest": report.manifest.json,
    ])
  }

  var text: String {
    var lines = [
      "\(isDryRun ? "This would restore" : "Restored") trust domain \(report.manifest.trustDomain) "
        + "as it was at \(GoTime.rfc3339(report.manifest.createdAt))",
      "Database         : \(report.databasePath): \(report.manifest.summary)",
      "Keys             : \(report.keysPath.map { "\($0), from the backup" } ?? "left as they are")",
      "X.509 authority  : "
        + (report.authority.map { "\($0) goes on, unless it has expired" }
          ?? "none of the keys belongs to this database: the server makes a new CA, which agents must learn"),
      "Join tokens      : \(report.removedJoinTokens) left out",
    ]
    if let count = report.keptAgents { lines.append("Agents           : \(count), as the replaced database had them") }
    for path in report.kept { lines.append("Kept             : \(path)") }
    if let damage = report.damage { lines.append("Replaced         : could not be read: \(damage)") }
    if !report.forgottenBans.isEmpty {
      lines += ["", "Banned since the backup, and to be banned again:"]
      for id in report.forgottenBans { lines.append("  spire-server agent ban -spiffeID \(id)") }
    }
    return (lines + ["", "Next:"] + next).joined(separator: "\n") + "\n"
  }

  private var next: [String] {
    var steps: [String] = []
    if isDryRun { steps.append("stop the server, and run this without -dryRun") }
    steps.append("start the server: spire-server run -config \(config)")
    if report.authority == nil {
      steps.append("give agents the new bundle: spire-server bundle show > bundle.pem")
    }
    steps.append("repeat what was done since the backup: bans, deletions, and taints and revocations of authorities")
    if report.keptAgents == nil {
      steps.append(
        "give new join tokens to agents that are refused, `Agent SVID is not active`, and cannot attest again")
    }
    return steps.enumerated().map { "  \($0 + 1). \($1)" }
  }
}
