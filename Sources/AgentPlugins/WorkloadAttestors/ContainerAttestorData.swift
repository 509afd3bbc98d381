import HCL

/// What the attestors of containers hold their `plugin_data` to beyond their own keys: nothing is ignored in silence.
enum ContainerAttestorData {
  /// Refuses a block `sigstore`: signatures of images are not verified, and the selectors that say so would be missing.
  static func refuseSigstore(_ section: inout HCLSection, _ attestor: String) throws(AgentPluginError) {
    guard section.has("sigstore") else { return }
    throw AgentPluginError(
      .invalidArgument,
      "workloadattestor(\(attestor)): sigstore: signatures of container images are not verified by this version, so no "
        + "workload would get the selectors \"image-signature:…\" and \"image-attestations:…\"; remove the block, and "
        + "register entries by other selectors")
  }

  /// Refuses the keys that were found and not asked for, in whatever section of the data.
  static func refuseUnknownKeys(_ decoding: HCLDecoding, _ attestor: String) throws(AgentPluginError) {
    let keys = Set(decoding.unknownKeys.flatMap(\.keys)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    guard !keys.isEmpty else { return }
    throw AgentPluginError(
      .invalidArgument,
      "workloadattestor(\(attestor)): unknown configurations detected: \(keys.joined(separator: ","))")
  }
}
