import Flags
import Glibc
import OIDCDiscovery

exit(await DiscoveryProvider.program.run(Array(CommandLine.arguments.dropFirst()), io: .process))
