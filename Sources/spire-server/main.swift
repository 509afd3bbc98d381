import Flags
import Glibc
import ServerCommands

exit(await ServerCommandTree.tree.run(Array(CommandLine.arguments.dropFirst()), io: .process))
