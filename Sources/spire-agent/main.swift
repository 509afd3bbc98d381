import AgentCommands
import Flags
import Glibc

exit(await AgentCommandTree.tree.run(Array(CommandLine.arguments.dropFirst()), io: .process))
