import Daemon
package import Flags

/// `spire version`: our own version, and the upstream version that we are compatible with.
package struct VersionCommand: Command {
  package let name = "version"
  package let synopsis = "Prints the version of swift-spire, and of upstream's interfaces that it presents"

  package init() {}

  package func run(_ options: NoOptions, io: CommandIO) async throws {
    io.print("swift-spire \(Version.own), compatible with SPIRE \(Version.upstream)")
  }
}
