import Flags
import Glibc
import SpiffeHelper

exit(await SpiffeHelperCommand.program.run(Array(CommandLine.arguments.dropFirst()), io: .process))
