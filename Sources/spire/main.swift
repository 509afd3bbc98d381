import DevCommands
import Flags
import Glibc

exit(await DevCommandTree.tree.run(Array(CommandLine.arguments.dropFirst()), io: .process))
