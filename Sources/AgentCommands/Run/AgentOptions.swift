import Agent
import Console
import Flags

/// The flags of `run` and `validate`.
struct AgentOptions: CommandOptions {
  var values = AgentFlags()

  static let flags: [Flag<AgentOptions>] = [
    .string("config", \.values.config, "Path of the agent's configuration file").takes(.file),
    .string("dataDir", \.values.dataDir, "Directory in which the agent keeps its state").takes(.directory),
    .bool(
      "expandEnv", \.values.expandEnv, "Replace $VAR and ${VAR} in the configuration file by environment variables"),
    .string("joinToken", \.values.joinToken, "Join token that the server issued for this node"),
    .string("joinTokenFile", \.values.joinTokenFile, "Path of a file that holds the join token").takes(.file),
    .string("logFile", \.values.logFile, "File to write the log to").takes(.file),
    .string("logFormat", \.values.logFormat, "Form of the log: 'text' or 'json'").takes(.logFormat),
    .string("logLevel", \.values.logLevel, "Level of the log: 'debug', 'info', 'warn' or 'error'").takes(.logLevel),
    .bool("logSourceLocation", \.values.logSourceLocation, "Add source file, line and function to the log"),
    .string("serverAddress", \.values.serverAddress, "IP address or DNS name of the SPIRE server"),
    .int("serverPort", \.values.serverPort, "Port of the SPIRE server"),
    .string("socketPath", \.values.socketPath, "Path of the socket that workloads connect to").takes(.file),
    .string("trustDomain", \.values.trustDomain, "Trust domain that this agent belongs to").takes(.trustDomain),
    .bool("disableWorkloadAPI", \.values.disableWorkloadAPI, "Do not serve the Workload API"),
    .bool("disableSDSAPI", \.values.disableSDSAPI, "Do not serve the SDS API"),
    .string("trustBundle", \.values.trustBundle, "Path of the bundle that the server is verified with at first").takes(
      .file),
    .string("trustBundleUrl", \.values.trustBundleURL, "URL to download that bundle from"),
    .string("trustBundleFormat", \.values.trustBundleFormat, "Format of that bundle: 'pem' or 'spiffe'").takes(
      .bundleFormat),
    .bool(
      "allowUnauthenticatedVerifiers", \.values.allowUnauthenticatedVerifiers,
      "Let callers without an identity have the trust domain's bundles"),
    .bool("insecureBootstrap", \.values.insecureBootstrap, "Do not verify the server on the first contact"),
    .string("rebootstrapMode", \.values.rebootstrapMode, "When to bootstrap anew: 'never', 'auto' or 'always'").takes(
      .oneOf(["never", "auto", "always"])),
    .string("rebootstrapDelay", \.values.rebootstrapDelay, "How long an unknown authority is borne before that"),
  ]
}
