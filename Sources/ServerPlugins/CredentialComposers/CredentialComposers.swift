package import Plugins

/// The server's plugins of type CredentialComposer: one line each.
package enum CredentialComposers {
  package static let type = PluginType<any CredentialComposerPlugin>(
    "CredentialComposer", .any, builtIns: [UniqueIDComposer.plugin])
}
